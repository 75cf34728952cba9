/**
 * Lets streams in at the rate at which they can be served: at most `limit` are between their first request and the
 * moment when nothing is left to send to them. The others wait in the order of their coming, holding nothing but
 * their first request.
 */
export class Admission {
  private readonly limit: number
  private inside = 0
  private readonly waiting = new Set<() => void>()

  constructor(limit: number) {
    this.limit = limit
  }

  get queued(): number {
    return this.waiting.size
  }

  /** Calls `admitted` when there is room, perhaps at once. The returned function gives the place back; call it once or more. */
  enter(admitted: () => void): () => void {
    let state: 'waiting' | 'inside' | 'left' = 'waiting'
    const start = (): void => {
      state = 'inside'
      this.inside++
      admitted()
    }
    if (this.inside < this.limit) start()
    else this.waiting.add(start)
    return () => {
      if (state === 'inside') this.inside--
      this.waiting.delete(start)
      state = 'left'
      this.admitNext()
    }
  }

  private admitNext(): void {
    for (const start of this.waiting) {
      if (this.inside >= this.limit) return
      this.waiting.delete(start)
      start()
    }
  }
}
