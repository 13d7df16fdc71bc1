import { spawnSync } from 'node:child_process'
import { closeSync, ftruncateSync, openSync, readSync, writeSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

/** Compiled from the source, not from what the compiler of this language put out. */
const SOURCE = fileURLToPath(new URL('../../../test/torture/io-shim.c', import.meta.url))
const CONTROL_BYTES = 4096
const HITS_AT = 20
const MATCH_AT = 24
const MATCH_BYTES = 256

export const Calls = { flush: 1, synchronousWrite: 2, otherWrite: 4 } as const
export const Errno = { none: 0, EIO: 5, ENOSPC: 28 } as const

export interface IoFault {
  /** Of `Calls`, added up. */
  readonly calls: number
  /** `none`: the calls are only late. */
  readonly error: keyof typeof Errno
  readonly delayMs: number
  /** Hits one call in so many. */
  readonly oneIn: number
  /** So many errors are given, then no more; below 0: without end. */
  readonly errors: number
  /** Only files whose path contains this. */
  readonly match: string
}

/** Compiles the library into a file; why that cannot be done here, or undefined. */
export function buildShim(library: string): string | undefined {
  const flags = ['-shared', '-fPIC', '-O2', '-Wall', '-Wextra', '-Werror']
  const { error, status, stderr } = spawnSync('cc', [...flags, '-o', library, SOURCE, '-ldl', '-lpthread'], {
    encoding: 'utf8',
  })
  if (error !== undefined) return `there is no C compiler (${error.message})`
  return status === 0 ? undefined : `cc failed: ${stderr}`
}

export interface ClockBend {
  /** How fast the monotonic clock runs; 1000 is as it should. */
  readonly permille: number
  /** How far the time of day is off. */
  readonly offsetSeconds: number
}

/** What one node's calls of the system are to suffer, switched while it runs. */
export class IoShim {
  readonly #library: string
  readonly #path: string
  readonly #fd: number

  constructor(library: string, controlFile: string) {
    this.#library = library
    this.#path = controlFile
    this.#fd = openSync(controlFile, 'w+')
    ftruncateSync(this.#fd, CONTROL_BYTES)
  }

  /** For the environment of a new life. */
  env({ permille, offsetSeconds }: ClockBend): Record<string, string> {
    return {
      LD_PRELOAD: this.#library,
      SHIM_CONTROL: this.#path,
      SHIM_CLOCK_PERMILLE: String(permille),
      SHIM_CLOCK_OFFSET: String(offsetSeconds),
    }
  }

  inject({ calls, error, delayMs, oneIn, errors, match }: IoFault): void {
    const control = Buffer.alloc(MATCH_AT + MATCH_BYTES)
    control.writeInt32LE(Errno[error], 4)
    control.writeUInt32LE(delayMs, 8)
    control.writeUInt32LE(oneIn, 12)
    control.writeInt32LE(errors, 16)
    control.write(match, MATCH_AT, MATCH_BYTES - 1)
    this.clear()
    writeSync(this.#fd, control, 4, control.length - 4, 4)
    // The switch itself comes last: the other process reads while this one writes.
    writeSync(this.#fd, u32(calls), 0, 4, 0)
  }

  clear(): void {
    writeSync(this.#fd, u32(0), 0, 4, 0)
  }

  /** Calls hit since `inject`. */
  get hits(): number {
    const bytes = Buffer.alloc(4)
    readSync(this.#fd, bytes, 0, 4, HITS_AT)
    return bytes.readUInt32LE()
  }

  close(): void {
    closeSync(this.#fd)
  }
}

function u32(value: number): Buffer {
  const bytes = Buffer.alloc(4)
  bytes.writeUInt32LE(value)
  return bytes
}
