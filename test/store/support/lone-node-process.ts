import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'

const MAIN = fileURLToPath(new URL('./lone-node.js', import.meta.url))
const PATIENCE_MS = 30_000

/** One life of `lone-node.ts`, and all that it has said. */
export class LoneNodeProcess {
  readonly lines: string[] = []
  readonly ended: Promise<number | NodeJS.Signals>
  readonly #child: ChildProcess
  #isOver = false
  #heard: () => void = () => {}

  constructor(dataDir: string, port: number, env: Readonly<Record<string, string>> = {}) {
    const stdio = ['ignore', 'pipe', 'ignore'] as ['ignore', 'pipe', 'ignore']
    const child = spawn(process.execPath, [MAIN, dataDir, String(port)], { stdio, env: { ...process.env, ...env } })
    this.#child = child
    createInterface({ input: child.stdout as NonNullable<typeof child.stdout> }).on('line', (line) => {
      this.lines.push(line)
      this.#heard()
    })
    this.ended = once(child, 'close').then(([code, signal]) => {
      this.#isOver = true
      this.#heard()
      return (code ?? signal) as number | NodeJS.Signals
    })
  }

  /** Waits until it has said enough; false if it is over before, of itself or because it took too long. */
  async until(enough: (lines: readonly string[]) => boolean): Promise<boolean> {
    const late = setTimeout(() => this.#child.kill('SIGKILL'), PATIENCE_MS)
    try {
      while (!this.#isOver && !enough(this.lines)) {
        await new Promise<void>((resolve) => {
          this.#heard = resolve
        })
      }
      return enough(this.lines)
    } finally {
      clearTimeout(late)
    }
  }

  get isOver(): boolean {
    return this.#isOver
  }

  async kill(): Promise<void> {
    this.#child.kill('SIGKILL')
    await this.ended
  }

  /** How many lines begin so, from a place on. */
  count(beginning: string, from = 0): number {
    return this.lines.slice(from).filter((line) => line.startsWith(beginning)).length
  }
}
