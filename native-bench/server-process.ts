import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'

const READY_MS = 30_000
const STOP_MS = 20_000
const running = new Set<ChildProcess>()
// Whatever ends this process, its servers end with it.
process.on('exit', () => {
  for (const child of running) child.kill('SIGKILL')
})

export interface ServerOptions {
  /** Added to the environment. */
  readonly env?: Readonly<Record<string, string>>
  /** Gets everything that the server writes. */
  readonly onLine?: (line: string) => void
}

/** One life of a server that is seen by signals and its output only. */
export class ServerProcess {
  /** Resolves when it has written a line that says so; rejects when it ends before. */
  readonly ready: Promise<void>
  readonly exited: Promise<number | NodeJS.Signals>
  readonly #child: ChildProcess
  readonly #onLine: ((line: string) => void) | undefined
  #output = ''

  constructor(
    command: string,
    args: readonly string[],
    isReady: (line: string) => boolean,
    { env = {}, onLine }: ServerOptions,
  ) {
    const stdio = ['ignore', 'pipe', 'pipe'] as ['ignore', 'pipe', 'pipe']
    const child = spawn(command, args, { stdio, env: { ...process.env, ...env } })
    this.#child = child
    this.#onLine = onLine
    running.add(child)
    this.exited = once(child, 'exit').then(([code, signal]) => {
      running.delete(child)
      return (code ?? signal) as number | NodeJS.Signals
    })
    this.ready = this.#waitUntilReady(isReady)
    // A life that is killed while it starts has nobody who waits for it.
    this.ready.catch(() => undefined)
  }

  get pid(): number {
    return this.#child.pid ?? 0
  }

  /** The last of what it wrote. */
  get output(): string {
    return this.#output
  }

  get isRunning(): boolean {
    return this.#child.exitCode === null && this.#child.signalCode === null
  }

  signal(name: NodeJS.Signals): void {
    this.#child.kill(name)
  }

  async kill(): Promise<void> {
    this.signal('SIGKILL')
    await this.exited
  }

  /** SIGTERM; resolves to its exit status, and kills what does not end by itself. */
  async stop(): Promise<number | NodeJS.Signals> {
    this.signal('SIGTERM')
    const killer = setTimeout(() => this.signal('SIGKILL'), STOP_MS)
    const end = await this.exited
    clearTimeout(killer)
    return end
  }

  #waitUntilReady(isReady: (line: string) => boolean): Promise<void> {
    return new Promise((resolve, reject) => {
      const timer = setTimeout(
        () => reject(new Error(`server not ready after ${READY_MS} ms\n${this.#output}`)),
        READY_MS,
      )
      const note = (line: string) => {
        this.#output = `${this.#output}${line}\n`.slice(-8_192)
        this.#onLine?.(line)
        if (!isReady(line)) return
        clearTimeout(timer)
        resolve()
      }
      createInterface({ input: this.#child.stderr! }).on('line', note)
      createInterface({ input: this.#child.stdout! }).on('line', note)
      void this.exited.then((end) => {
        clearTimeout(timer)
        reject(new Error(`server ended with ${end} before it was ready\n${this.#output}`))
      })
    })
  }
}
