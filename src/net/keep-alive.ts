/** Silent intervals after which a link counts as dead. */
export const keepAliveMisses = 3

/**
 * Finds a peer whose host is gone: pings at an interval and cuts the link after three silent ones.
 * It counts its own ticks and not the time: a process that was stopped itself for a minute has missed one tick, and does not
 * cut all its links when it wakes.
 */
export class KeepAlive {
  readonly #timer: NodeJS.Timeout
  #heard = true
  #misses = 0
  #progress = 0

  /** `progress` is any number that moves while bytes flow: a full link delays the pong, and is alive. */
  constructor(intervalMs: number, link: { ping(): void; cut(): void; progress(): number }) {
    this.#timer = setInterval(() => {
      const progress = link.progress()
      const alive = this.#heard || progress !== this.#progress
      this.#progress = progress
      this.#heard = false
      this.#misses = alive ? 0 : this.#misses + 1
      if (this.#misses >= keepAliveMisses) link.cut()
      else link.ping()
    }, intervalMs)
    this.#timer.unref()
  }

  heard(): void {
    this.#heard = true
  }

  stop(): void {
    clearInterval(this.#timer)
  }
}
