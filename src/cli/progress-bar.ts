import { sizeText } from './output.js'

const WIDTH = 30
const DRAW_MS = 100

/** How far a reading of files has come, as one line on standard error that is drawn over; nothing where that is no terminal. */
export class ProgressBar {
  readonly #totalBytes: number
  readonly #isShown: boolean
  #done = 0
  #label = ''
  #drawnAt = Number.NEGATIVE_INFINITY

  constructor(totalBytes: number) {
    this.#totalBytes = totalBytes
    this.#isShown = process.stderr.isTTY === true
  }

  get doneBytes(): number {
    return this.#done
  }

  add(bytes: number, label = this.#label): void {
    this.#done += bytes
    this.#label = label
    if (!this.#isShown || performance.now() - this.#drawnAt < DRAW_MS) return
    this.#drawnAt = performance.now()
    const share = this.#totalBytes === 0 ? 1 : Math.min(1, this.#done / this.#totalBytes)
    const bar = '#'.repeat(Math.round(share * WIDTH)).padEnd(WIDTH, '.')
    const sizes = `${sizeText(this.#done)} of ${sizeText(this.#totalBytes)}`
    process.stderr.write(`\r\x1b[K[${bar}] ${Math.round(share * 100)} %  ${sizes}  ${label}`)
  }

  /** Takes the line away: before any other output. */
  clear(): void {
    if (!this.#isShown || this.#drawnAt === Number.NEGATIVE_INFINITY) return
    process.stderr.write('\r\x1b[K')
    this.#drawnAt = Number.NEGATIVE_INFINITY
  }
}
