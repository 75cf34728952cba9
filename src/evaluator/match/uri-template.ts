/**
 * Whether a path is of a template: `*` stands for one segment, `**` for any number. Source: Envoy's uri_template matcher, whose
 * segments are made of unreserved characters, sub-delimiters and escapes.
 */
export function matchesUriTemplate(template: string, path: string): boolean {
  const segment = "[a-zA-Z0-9\\-._~%!$&'()+,;:@=]"
  const source = template
    .split(/(\*\*|\*)/)
    .map((part) => {
      if (part === '**') return `${segment.slice(0, -1)}/]*`
      if (part === '*') return `${segment}+`
      return part.replace(/[.+?^${}()|[\]\\]/g, '\\$&')
    })
    .join('')
  return new RegExp(`^${source}$`).test(path)
}
