/**
 * The headers of a request by name in lower case. Who reads one gets its lines joined by commas, as most of Envoy does; what
 * looks at each line by itself asks for them.
 */
export class HeaderLines extends Map<string, string> {
  /** Of names with several lines only. */
  readonly #several = new Map<string, readonly string[]>()

  /** `lines`: the lines of those headers that have several. */
  static of(entries: Iterable<readonly [string, string]>, lines: Readonly<Record<string, readonly string[]>> = {}) {
    const made = new HeaderLines()
    for (const [name, value] of entries) made.set(name.toLowerCase(), value)
    for (const [name, values] of Object.entries(lines)) made.#several.set(name.toLowerCase(), values)
    return made
  }

  override set(name: string, value: string): this {
    this.#several.delete(name)
    return super.set(name, value)
  }

  override delete(name: string): boolean {
    this.#several.delete(name)
    return super.delete(name)
  }

  /** One more line of that name. */
  append(name: string, value: string): void {
    const lines = [...this.linesOf(name), value]
    this.set(name, lines.join(','))
    if (lines.length > 1) this.#several.set(name, lines)
  }

  linesOf(name: string): readonly string[] {
    const joined = this.get(name)
    return this.#several.get(name) ?? (joined === undefined ? [] : [joined])
  }

  several(): Readonly<Record<string, readonly string[]>> {
    return Object.fromEntries(this.#several)
  }

  copy(): HeaderLines {
    return HeaderLines.of(this, this.several())
  }
}
