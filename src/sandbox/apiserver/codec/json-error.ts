// What Go's JSON decoder says of text that is no JSON (encoding/json, scanner.go).

const quoted = (c: string): string => (c === "'" ? `'\\''` : c === '"' ? `'"'` : `'${JSON.stringify(c).slice(1, -1)}'`)

class Scanner {
  readonly #text: string
  #at = 0

  constructor(text: string) {
    this.#text = text
  }

  #space(): void {
    while (/[ \t\r\n]/.test(this.#text[this.#at] ?? '')) this.#at++
  }

  /** The next character. Throws a sentence where the text ends or, given one, where `allowed` does not have it. */
  #take(allowed: string, context: string): string {
    const c = this.#text[this.#at]
    if (c === undefined) throw new SyntaxError('unexpected end of JSON input')
    if (!allowed.includes(c)) throw new SyntaxError(`invalid character ${quoted(c)} ${context}`)
    this.#at++
    return c
  }

  document(): void {
    this.#space()
    this.#value()
    this.#space()
    const c = this.#text[this.#at]
    if (c !== undefined) throw new SyntaxError(`invalid character ${quoted(c)} after top-level value`)
  }

  #value(): void {
    const c = this.#take('{["-0123456789tfn', 'looking for beginning of value')
    if (c === '{') this.#object()
    else if (c === '[') this.#list()
    else if (c === '"') this.#string()
    else if (c === 't') this.#word('true')
    else if (c === 'f') this.#word('false')
    else if (c === 'n') this.#word('null')
    else this.#number(c)
  }

  #object(): void {
    this.#space()
    let c = this.#take('"}', 'looking for beginning of object key string')
    while (c === '"') {
      this.#string()
      this.#space()
      this.#take(':', 'after object key')
      this.#space()
      this.#value()
      this.#space()
      if (this.#take(',}', 'after object key:value pair') === '}') return
      this.#space()
      c = this.#take('"', 'looking for beginning of object key string')
    }
  }

  #list(): void {
    this.#space()
    if (this.#text[this.#at] === ']') {
      this.#at++
      return
    }
    for (;;) {
      this.#space()
      this.#value()
      this.#space()
      if (this.#take(',]', 'after array element') === ']') return
    }
  }

  #string(): void {
    for (;;) {
      const c = this.#text[this.#at]
      if (c === undefined) throw new SyntaxError('unexpected end of JSON input')
      if (c < ' ') throw new SyntaxError(`invalid character ${quoted(c)} in string literal`)
      this.#at++
      if (c === '"') return
      if (c !== '\\') continue
      if (this.#take('bfnrt\\/"u', 'in string escape code') !== 'u') continue
      for (let i = 0; i < 4; i++) this.#take('0123456789abcdefABCDEF', 'in \\u hexadecimal character escape')
    }
  }

  #word(word: string): void {
    for (const c of word.slice(1)) this.#take(c, `in literal ${word} (expecting '${c}')`)
  }

  #number(first: string): void {
    const digits = '0123456789'
    const more = (): void => {
      while (digits.includes(this.#text[this.#at] ?? '?')) this.#at++
    }
    if (first === '-' && this.#take(digits, 'in numeric literal') !== '0') more()
    else if (first !== '0' && first !== '-') more()
    if (this.#text[this.#at] === '.') {
      this.#at++
      this.#take(digits, 'after decimal point in numeric literal')
      more()
    }
    if (/[eE]/.test(this.#text[this.#at] ?? '')) {
      this.#at++
      if (/[+-]/.test(this.#text[this.#at] ?? '')) this.#at++
      this.#take(digits, 'in exponent of numeric literal')
      more()
    }
  }
}

/** The sentence for a text that `JSON.parse` refused. */
export function goJsonError(text: string): string {
  try {
    new Scanner(text).document()
  } catch (error) {
    if (error instanceof SyntaxError) return error.message
    throw error
  }
  return 'invalid JSON'
}
