import { spawnSync } from 'node:child_process'
import { closeSync, ftruncateSync, openSync, readSync, writeSync } from 'node:fs'
import { constants } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

/** The source lies beside this file's source: this file runs from `dist`. */
const SOURCE = fileURLToPath(new URL('../../../../test/support/io-shim/io-shim.c', import.meta.url))

/**
 * A call that a rule is about. A write through a descriptor with O_DSYNC is a `synchronous-write` only: LMDB's meta page, an
 * entry of a journal.
 */
export type IoCall = 'write' | 'synchronous-write' | 'flush' | 'rename'
const CALLS: readonly IoCall[] = ['write', 'synchronous-write', 'flush', 'rename']

export interface IoRule {
  readonly calls: readonly IoCall[]
  /** A part of the file's path, or of the new path of a rename. */
  readonly path: string
  /** Without one the call is carried out, late if `delayMs` says so. */
  readonly error?: 'EIO' | 'ENOSPC'
  readonly delayMs?: number
  /** Matching calls that pass first; none by default. */
  readonly skip?: number
  /** After that it acts on the last of each so many matching calls; on each by default. */
  readonly oneIn?: number
  /** And it acts so many times; without end by default. */
  readonly times?: number
  /** Share of the bytes that a failing write leaves in the file: 0 by default, 1 for all. */
  readonly torn?: number
}

const RULE_BYTES = 256
const SEEN_AT = 28
const PATH_AT = 36
const ALWAYS = 0xffffffff

/** Compiles the library into a directory, or says why that cannot be done here. */
export function buildIoShim(directory: string): { library: string } | { missing: string } {
  if (process.platform !== 'linux') return { missing: `the shim is written for Linux, not ${process.platform}` }
  const library = join(directory, 'io-shim.so')
  const flags = ['-shared', '-fPIC', '-O2', '-Wall', '-Wextra', '-Werror']
  const built = spawnSync('cc', [...flags, '-o', library, SOURCE, '-ldl', '-lpthread'], { encoding: 'utf8' })
  if (built.error !== undefined) return { missing: `there is no C compiler (${built.error.message})` }
  if (built.status !== 0) throw new Error(`io-shim.c does not compile: ${built.stderr}`)
  return { library }
}

/** The rule that the processes started with `env` obey, from the moment it is set. */
export class IoShim {
  /** For the environment of a process. */
  readonly env: Readonly<Record<string, string>>
  readonly #fd: number

  /** `library` is what `buildIoShim` gave; `ruleFile` names a file that is made. */
  constructor(library: string, ruleFile: string) {
    this.#fd = openSync(ruleFile, 'w+')
    ftruncateSync(this.#fd, RULE_BYTES)
    this.env = { LD_PRELOAD: library, IO_SHIM_RULE: ruleFile }
  }

  /** In place of the rule before; what was counted begins anew. */
  set({ calls, path, error, delayMs = 0, skip = 0, oneIn = 1, times = ALWAYS, torn = 0 }: IoRule): void {
    const rule = Buffer.alloc(RULE_BYTES)
    const errno = error === undefined ? 0 : constants.errno[error]
    const words = [calls.reduce((bits, call) => bits | (1 << CALLS.indexOf(call)), 0)]
    words.push(errno, delayMs, skip, oneIn, times, Math.round(torn * 1000))
    words.forEach((word, i) => {
      rule.writeUInt32LE(word, i * 4)
    })
    if (rule.write(path, PATH_AT) >= RULE_BYTES - PATH_AT) throw new Error(`the path is too long: ${path}`)
    // Off while it changes, and switched on last: threads read it at any moment.
    this.clear()
    writeSync(this.#fd, rule, 4, RULE_BYTES - 4, 4)
    writeSync(this.#fd, rule, 0, 4, 0)
  }

  clear(): void {
    writeSync(this.#fd, Buffer.alloc(4), 0, 4, 0)
  }

  /** Calls that the rule was about, and those of them that it acted on. */
  get count(): { readonly seen: number; readonly hit: number } {
    const words = Buffer.alloc(8)
    readSync(this.#fd, words, 0, words.length, SEEN_AT)
    return { seen: words.readUInt32LE(0), hit: words.readUInt32LE(4) }
  }

  close(): void {
    closeSync(this.#fd)
  }
}
