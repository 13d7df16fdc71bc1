import { spawnSync } from 'node:child_process'
import { closeSync, existsSync, ftruncateSync, openSync, readSync, writeSync } from 'node:fs'
import { constants } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

/** The source lies beside this file's source: this file runs from `dist`. */
const SOURCE = fileURLToPath(new URL('../../../../test/support/io-shim/io-shim.c', import.meta.url))

/** A call that a rule is about. A write through a descriptor with O_DSYNC is a `synchronous-write` only: LMDB's meta page. */
export type IoCall = 'write' | 'synchronous-write' | 'flush' | 'extend' | 'rename'
const CALLS: readonly IoCall[] = ['write', 'synchronous-write', 'flush', 'extend', 'rename']

export interface IoRule {
  readonly calls: readonly IoCall[]
  /** A part of the file's path, or of the new path of a rename. */
  readonly path: string
  /** Without one the call is carried out, late if `delayMs` says so. */
  readonly error?: 'EIO' | 'ENOSPC' | 'EDQUOT' | 'EINTR'
  readonly delayMs?: number
  /** Matching calls that pass first; none by default. */
  readonly skip?: number
  /** Matching calls that are acted on after that; all by default. */
  readonly times?: number
  /** Share of the bytes that a failing write leaves in the file: 0 by default, 1 for all. */
  readonly torn?: number
  /** The process dies by SIGKILL. */
  readonly kill?: 'before' | 'after'
}

const RULES = 16
const RULE_BYTES = 256
const WORDS = 10
const SEEN_AT = 32
const HIT_AT = 36
const PATH_AT = WORDS * 4
const ALWAYS = 0xffffffff

/** Why it cannot be built here, or undefined. Builds once per directory. */
export function buildIoShim(directory: string): { library: string } | { missing: string } {
  if (process.platform !== 'linux') return { missing: `it is written for Linux, not ${process.platform}` }
  const library = join(directory, 'io-shim.so')
  if (existsSync(library)) return { library }
  const built = spawnSync('cc', ['-shared', '-fPIC', '-O1', '-Wall', '-o', library, SOURCE, '-ldl'], {
    encoding: 'utf8',
  })
  if (built.error !== undefined) return { missing: `no C compiler: ${built.error.message}` }
  if (built.status !== 0) throw new Error(`io-shim.c does not compile: ${built.stderr}`)
  return { library }
}

/** The rules that the processes started with `env` obey, from the moment they are set. */
export class IoShim {
  /** For the environment of a process. */
  readonly env: Readonly<Record<string, string>>
  readonly #fd: number

  /** `library` is what `buildIoShim` gave; `rules` names a file that is made. */
  constructor(library: string, rules: string) {
    this.#fd = openSync(rules, 'w+')
    ftruncateSync(this.#fd, RULES * RULE_BYTES)
    this.env = { LD_PRELOAD: library, IO_SHIM_RULES: rules }
  }

  /** Replaces the rule of this number (0..15), its counters included; undefined switches it off. */
  set(slot: number, rule: IoRule | undefined): void {
    const at = slot * RULE_BYTES
    const word = Buffer.alloc(4)
    // Off while it changes: threads read it at any moment.
    writeSync(this.#fd, word, 0, 4, at)
    if (rule === undefined) return
    const bytes = Buffer.alloc(RULE_BYTES)
    const error = rule.error === undefined ? 0 : constants.errno[rule.error]
    const kill = rule.kill === undefined ? 0 : rule.kill === 'before' ? 1 : 2
    const torn = Math.round((rule.torn ?? 0) * 1000)
    const words = [error, rule.delayMs ?? 0, rule.skip ?? 0, rule.times ?? ALWAYS, torn, kill]
    words.forEach((value, i) => {
      bytes.writeUInt32LE(value, 4 + i * 4)
    })
    if (bytes.write(rule.path, PATH_AT) >= RULE_BYTES - PATH_AT) throw new Error(`the path is too long: ${rule.path}`)
    writeSync(this.#fd, bytes, 4, RULE_BYTES - 4, at + 4)
    let calls = 0
    for (const call of rule.calls) calls |= 1 << CALLS.indexOf(call)
    word.writeUInt32LE(calls)
    writeSync(this.#fd, word, 0, 4, at)
  }

  clear(): void {
    for (let slot = 0; slot < RULES; slot++) this.set(slot, undefined)
  }

  /** Calls that the rule was about, and those of them that it acted on. */
  count(slot: number): { seen: number; hit: number } {
    const bytes = Buffer.alloc(RULE_BYTES)
    readSync(this.#fd, bytes, 0, RULE_BYTES, slot * RULE_BYTES)
    return { seen: bytes.readUInt32LE(SEEN_AT), hit: bytes.readUInt32LE(HIT_AT) }
  }

  close(): void {
    closeSync(this.#fd)
  }
}
