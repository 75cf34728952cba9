/** Whether a text holds a name as a word of its own, and not as the beginning or end of another name. */
export function mentions(text: string, name: string): boolean {
  for (let at = text.indexOf(name); at >= 0 && name !== ''; at = text.indexOf(name, at + 1)) {
    const before = text[at - 1] ?? ' '
    const after = text.slice(at + name.length, at + name.length + 2)
    if (!/[\w|_-]/.test(before) && !/^([\w|_-]|\.\w)/.test(after)) return true
  }
  return false
}

export function halves(names: readonly string[]): string[][] {
  const middle = Math.ceil(names.length / 2)
  return [names.slice(0, middle), names.slice(middle)]
}
