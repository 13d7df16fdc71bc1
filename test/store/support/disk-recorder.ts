import fs from 'node:fs'
import { syncBuiltinESMExports } from 'node:module'
import { dirname, join, resolve } from 'node:path'

export interface Sabotage {
  /** Calls that say that they flushed, and did not. */
  readonly skipped?: 'files' | 'directories'
}

/** What a power cut leaves of bytes that were not flushed. */
export const CUTS = ['kept', 'lost', 'zeros', 'torn'] as const
export type Cut = (typeof CUTS)[number]

/**
 * Looks over the shoulder of whatever this process does with `node:fs` below `root`. `onStep` is told of each step
 * (`write data`, `rename 000000000020`): the state that a kill then would leave is the directory itself, and `imageOf`
 * makes those that a power cut could leave. Names are taken as a journal keeps them, in order: what is on the disk of
 * them is what some earlier step has left.
 */
export class DiskRecorder {
  readonly #root: string
  readonly #onStep: (what: string) => void
  readonly #real = { ...fs }
  readonly #paths = new Map<number, string>()
  /** By file: its bytes as of its last flush. Files are known by number, so that a rename loses none. */
  readonly #durable = new Map<number, Buffer>()
  readonly #openNames = new Set<string>()
  #active = false
  #failing: { callsLeft: number; code: string } | undefined
  /** The most bytes of one file that were ever waiting for a flush. */
  mostUnflushedBytes = 0

  constructor(root: string, onStep: (what: string) => void, { skipped }: Sabotage = {}) {
    this.#root = resolve(root)
    this.#onStep = onStep
    const real = this.#real
    const patched = fs as unknown as Record<string, unknown>
    const after = (
      name: keyof typeof fs,
      note: (args: unknown[], result: unknown) => string | undefined,
      call = real[name] as (...args: unknown[]) => unknown,
    ) => {
      patched[name] = (...args: unknown[]) => {
        if (this.#active) this.#maybeFail(name, args)
        // Its number will be another file's.
        if (name === 'unlinkSync') this.#durable.delete(fs.lstatSync(String(args[0])).ino)
        const result = call(...args)
        const what = this.#active ? note(args, result) : undefined
        if (what !== undefined) this.#step(what)
        return result
      }
    }
    after('openSync', ([path, flags], fd) => this.#opened(String(path), String(flags), Number(fd)))
    after('closeSync', ([fd]) => void this.#paths.delete(Number(fd)))
    after('writeSync', ([fd]) => this.#of(fd, 'write'))
    after('ftruncateSync', ([fd]) => this.#of(fd, 'truncate'))
    // Nobody cuts the power here, so that nothing has to reach a disk.
    for (const name of ['fsyncSync', 'fdatasyncSync'] as const)
      after(
        name,
        ([fd]) => this.#flushed(Number(fd), skipped),
        () => undefined,
      )
    for (const name of ['mkdirSync', 'unlinkSync', 'rmdirSync'] as const)
      after(name, ([path]) => this.#named(name, String(path)))
    after('mkdtempSync', (_args, path) => this.#named('mkdtempSync', String(path)))
    after('renameSync', ([from, to]) => this.#renamed(resolve(String(from)), resolve(String(to))))
    // Of its own accord it would delete a tree in one step.
    patched.rmSync = (path: string) => this.#remove(path)
    syncBuiltinESMExports()
  }

  /** What is there by now counts as flushed. */
  record(work: () => void): void {
    for (const file of filesBelow(this.#root))
      this.#durable.set(inode(join(this.#root, file)), fs.readFileSync(join(this.#root, file)))
    this.#active = true
    try {
      work()
    } finally {
      this.#active = false
    }
  }

  /** One of the next calls fails, and no other: a write after half of its bytes. */
  failAt(call: number, code: 'ENOSPC' | 'EIO'): void {
    this.#failing = { callsLeft: call, code }
  }

  /** It has failed by now. */
  get hasFailed(): boolean {
    return this.#failing === undefined
  }

  #maybeFail(name: string, args: unknown[]): void {
    const failing = this.#failing
    const path = typeof args[0] === 'number' ? this.#paths.get(args[0]) : String(args[0])
    if (failing === undefined || path === undefined || !this.#isInside(path) || --failing.callsLeft > 0) return
    this.#failing = undefined
    if (name === 'writeSync') {
      const [fd, bytes, from = 0, length = (bytes as Uint8Array).length - Number(from), at] = args
      this.#real.writeSync(Number(fd), bytes as Uint8Array, Number(from), Math.floor(Number(length) / 2), at as number)
    }
    throw Object.assign(new Error(`${failing.code}: made to fail, ${name}`), { code: failing.code })
  }

  /** A copy of the directory as a power cut may leave it now. */
  imageOf(target: string, cut: Cut): void {
    const wasActive = this.#active
    this.#active = false
    fs.rmSync(target)
    fs.cpSync(this.#root, target, { recursive: true })
    if (cut !== 'kept') for (const file of filesBelow(this.#root)) this.#cutFile(file, join(target, file), cut)
    this.#active = wasActive
  }

  #cutFile(file: string, image: string, cut: Cut): void {
    const now = fs.readFileSync(join(this.#root, file))
    const durable = this.#durable.get(inode(join(this.#root, file))) ?? Buffer.alloc(0)
    if (now.equals(durable)) return
    const torn = cut === 'torn' ? Math.floor((durable.length + now.length) / 2) : durable.length
    const left = Buffer.concat([durable, now.subarray(durable.length, torn)])
    fs.writeFileSync(
      image,
      cut === 'lost' ? left : Buffer.concat([left, Buffer.alloc(Math.max(0, now.length - left.length))]),
    )
  }

  #opened(path: string, flags: string, fd: number): string | undefined {
    if (!this.#isInside(path)) return undefined
    this.#paths.set(fd, resolve(path))
    if (!flags.startsWith('w')) return undefined
    return this.#named('open', path)
  }

  #of(fd: unknown, what: string): string | undefined {
    const path = this.#paths.get(Number(fd))
    if (path === undefined) return undefined
    const unflushed = fs.statSync(path).size - (this.#durable.get(inode(path))?.length ?? 0)
    this.mostUnflushedBytes = Math.max(this.mostUnflushedBytes, unflushed)
    return `${what} ${this.#short(path)}`
  }

  #flushed(fd: number, skipped: Sabotage['skipped']): string | undefined {
    const path = this.#paths.get(fd)
    if (path === undefined) return undefined
    const isDirectory = fs.statSync(path).isDirectory()
    if (skipped === (isDirectory ? 'directories' : 'files')) return `no flush ${this.#short(path)}`
    if (isDirectory) this.#openNames.delete(path)
    else this.#durable.set(inode(path), fs.readFileSync(path))
    return `flush ${this.#short(path)}`
  }

  #named(what: string, path: string): string | undefined {
    if (!this.#isInside(path)) return undefined
    this.#openNames.add(dirname(resolve(path)))
    return `${what.replace('Sync', '')} ${this.#short(path)}`
  }

  #renamed(from: string, to: string): string | undefined {
    if (this.#openNames.delete(from)) this.#openNames.add(to)
    this.#openNames.add(dirname(from))
    return this.#named('rename', to)
  }

  #remove(path: string): void {
    const stat = fs.lstatSync(path, { throwIfNoEntry: false })
    if (stat === undefined) return
    if (!stat.isDirectory()) return fs.unlinkSync(path)
    for (const name of fs.readdirSync(path)) this.#remove(join(path, name))
    fs.rmdirSync(path)
  }

  /** Files whose bytes, and directories (with a `/`) whose names, a power cut may still take back. */
  get unflushed(): string[] {
    const files = filesBelow(this.#root).filter((file) => {
      const path = join(this.#root, file)
      return !fs.readFileSync(path).equals(this.#durable.get(inode(path)) ?? Buffer.alloc(0))
    })
    const directories = [...this.#openNames]
      .filter((path) => fs.existsSync(path))
      .map((path) => `${this.#short(path)}/`)
    return [...files, ...directories]
  }

  #step(what: string): void {
    this.#active = false
    this.#onStep(what)
    this.#active = true
  }

  #isInside(path: string): boolean {
    return `${resolve(path)}/`.startsWith(`${this.#root}/`)
  }

  #short(path: string): string {
    return path.slice(this.#root.length + 1)
  }
}

function inode(path: string): number {
  return fs.statSync(path).ino
}

function filesBelow(root: string, below = ''): string[] {
  return fs.readdirSync(join(root, below), { withFileTypes: true }).flatMap((entry) => {
    const path = join(below, entry.name)
    return entry.isDirectory() ? filesBelow(root, path) : [path]
  })
}
