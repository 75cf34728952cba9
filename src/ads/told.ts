/** So many texts are kept for certain; beyond that, those that nobody has told for long are forgotten. */
const kept = 1 << 15

/** Names and versions that clients told lately: one string for all who tell the same. ASCII only. */
let recent = new Map<string, string>()
let before = new Map<string, string>()

function keep(text: string): void {
  if (recent.size >= kept) {
    before = recent
    recent = new Map()
  }
  recent.set(text, text)
}

/**
 * The texts in a message. Thousands of names in a request are mostly such as others have told before: these are not made
 * again. The message is read once as a whole, of which a piece costs next to nothing; pieces are for comparison only, since
 * they would keep the whole.
 */
export class ToldTexts {
  readonly #buffer: Buffer
  #whole: string | undefined

  constructor(buffer: Buffer) {
    this.#buffer = buffer
  }

  text(start: number, end: number): string {
    this.#whole ??= this.#buffer.toString('latin1')
    const piece = this.#whole.slice(start, end)
    const known = recent.get(piece)
    if (known !== undefined) return known
    const text = before.get(piece) ?? this.#buffer.toString('utf8', start, end)
    // Other texts look different in Latin-1 than they are.
    if (isAscii(text, end - start)) keep(text)
    return text
  }
}

/** Whether a text of so many bytes in UTF-8 is ASCII: every other character takes more bytes than it has units. */
function isAscii(text: string, bytes: number): boolean {
  return text.length === bytes && !text.includes('\ufffd')
}
