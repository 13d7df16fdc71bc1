import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'

export interface ChildRequest {
  readonly id: number
  readonly kind: string
  readonly body?: unknown
}

export type ChildReply =
  | { readonly id: number; readonly value: unknown }
  | { readonly id: number; readonly failed: string }

const STOP_MS = 15_000

/** The parent's end of a process that answers requests. */
export class ChildChannel {
  readonly #child: ChildProcess
  readonly #waiting = new Map<number, { resolve(value: unknown): void; reject(error: Error): void }>()
  readonly #exited: Promise<unknown>
  #nextId = 1

  /** `settings` reaches the child as JSON in its last argument. */
  constructor(module: URL, settings: object) {
    this.#child = fork(fileURLToPath(module), [JSON.stringify(settings)], {
      stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
    })
    this.#exited = once(this.#child, 'exit')
    this.#child.on('message', (reply) => this.#settle(reply as ChildReply))
    this.#child.on('exit', (code, signal) => {
      for (const { reject } of this.#waiting.values()) reject(new Error(`process ${this.pid} ended: ${code ?? signal}`))
      this.#waiting.clear()
    })
  }

  get pid(): number {
    return this.#child.pid ?? 0
  }

  get exited(): Promise<unknown> {
    return this.#exited
  }

  ask<T>(kind: string, body?: unknown): Promise<T> {
    const id = this.#nextId++
    return new Promise<T>((resolve, reject) => {
      if (!this.#child.connected) return reject(new Error(`process ${this.pid} is gone`))
      this.#waiting.set(id, { resolve: resolve as (value: unknown) => void, reject })
      this.#child.send({ id, kind, body } satisfies ChildRequest)
    })
  }

  /** Resolves when it has gone. */
  async kill(): Promise<void> {
    this.#child.kill('SIGKILL')
    await this.#exited
  }

  /** Asks it to stop, and does not take no for an answer. */
  async stop(): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return
    const killer = setTimeout(() => this.#child.kill('SIGKILL'), STOP_MS)
    this.ask('stop').catch(() => undefined)
    await this.#exited
    clearTimeout(killer)
  }

  #settle(reply: ChildReply): void {
    const waiting = this.#waiting.get(reply.id)
    this.#waiting.delete(reply.id)
    if ('failed' in reply) waiting?.reject(new Error(reply.failed))
    else waiting?.resolve(reply.value)
  }
}

/**
 * The child's end: answers each request with what `handle` gives. The child never outlives its parent, however that
 * one ended; killing itself is safe, as it must be for everything here.
 */
export function serveParent(handle: (kind: string, body: unknown) => Promise<unknown>): void {
  const die = (): void => {
    process.kill(process.pid, 'SIGKILL')
  }
  process.on('disconnect', die)
  // It may have ended while this process was still loading: that event came too early for anybody to hear it.
  if (!process.connected) die()
  // Ctrl-C reaches the whole process group: the parent decides what it means.
  for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(name, () => undefined)
  process.on('message', (message) => {
    const { id, kind, body } = message as ChildRequest
    handle(kind, body).then(
      (value) => process.send?.({ id, value }),
      (error: unknown) => process.send?.({ id, failed: error instanceof Error ? error.message : String(error) }),
    )
  })
}

export function settingsFromParent<T>(): T {
  return JSON.parse(process.argv.at(-1) ?? '{}') as T
}
