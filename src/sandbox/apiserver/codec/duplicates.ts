/** Paths of keys that stand twice in one object of the JSON text (which is valid), such as `data.a` or `spec.ports[0].name`. */
export function duplicateKeys(text: string): string[] {
  const found: string[] = []
  // One frame per open container: seen keys of an object, or the index of a list.
  const stack: { keys?: Set<string>; index: number; path: string }[] = []
  let i = 0
  let key = ''
  let expectKey = false
  const childPath = (): string => {
    const top = stack.at(-1)
    if (!top) return ''
    if (!top.keys) return `${top.path}[${top.index}]`
    return top.path ? `${top.path}.${key}` : key
  }
  while (i < text.length) {
    const c = text[i]
    if (c === '"') {
      const start = i
      for (i++; text[i] !== '"'; i++) if (text[i] === '\\') i++
      i++
      const top = stack.at(-1)
      if (expectKey && top?.keys) {
        key = JSON.parse(text.slice(start, i)) as string
        if (top.keys.has(key)) found.push(childPath())
        top.keys.add(key)
        expectKey = false
      }
      continue
    }
    if (c === '{') {
      stack.push({ keys: new Set(), index: 0, path: childPath() })
      expectKey = true
    } else if (c === '[') stack.push({ index: 0, path: childPath() })
    else if (c === '}' || c === ']') {
      stack.pop()
      expectKey = false
    } else if (c === ',') {
      const top = stack.at(-1)
      if (top?.keys) expectKey = true
      else if (top) top.index++
    }
    i++
  }
  return found
}
