import { randomBytes } from 'node:crypto'
import { linkSync, readFileSync, readlinkSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { currentBoot } from './boot-id.js'
import { lockPath } from './data-layout.js'
import { makeDirectoryDurable } from './durable-files.js'
import { StoreError } from './store-error.js'

/** Who holds a lock: enough to tell a living process from one that merely got the same number later. */
interface Holder {
  readonly pid: number
  /** Since boot, in ticks; empty where the system does not tell. */
  readonly startedAt: string
  readonly bootId: string
  readonly pidNamespace: string
  readonly nonce: string
}

/**
 * Keeps a second process out of a data directory. A file, as Node has no file locks: it is stale when its process is
 * gone (killed, rebooted), which is judged by number, start time and boot. A process of another container cannot be
 * seen, and counts as gone, or a killed container would never start again; stores fence such a second owner themselves.
 */
export class DataDirLock {
  readonly #path: string
  readonly #content: string

  private constructor(path: string, content: string) {
    this.#path = path
    this.#content = content
  }

  /** Throws DATA_DIR_IN_USE. */
  static take(dataDir: string): DataDirLock {
    makeDirectoryDurable(dataDir)
    const path = lockPath(dataDir)
    const self = describeSelf()
    const content = JSON.stringify(self)
    const own = `${path}.${self.pid}.${self.nonce}`
    try {
      writeFileSync(own, content)
      // Two tries cover a stale lock; more are needed only while others compete for the directory.
      for (let tries = 0; tries < 10; tries++) {
        // A link appears with its content at once, and only where there is none.
        if (tryLink(own, path)) return new DataDirLock(path, content)
        const found = readText(path)
        if (found === undefined) continue
        const holder = parseHolder(found)
        if (holder !== undefined && isAlive(holder, self)) throw inUse(dataDir, path, `by process ${holder.pid}`)
        setAside(path, found, own)
      }
      throw inUse(dataDir, path, 'by others that start at the same time')
    } finally {
      rmSync(own, { force: true })
    }
  }

  release(): void {
    if (readText(this.#path) === this.#content) rmSync(this.#path, { force: true })
  }
}

/**
 * Who holds a data directory, for somebody who does not want it: the number of a living process, undefined for nobody, or
 * 'elsewhere' if it was last a process of another container, of which nothing can be seen from here.
 */
export function holderOf(dataDir: string): number | 'elsewhere' | undefined {
  const found = readText(lockPath(dataDir))
  const holder = found === undefined ? undefined : parseHolder(found)
  if (holder === undefined) return undefined
  const self = describeSelf()
  if (holder.bootId === self.bootId && holder.pidNamespace !== self.pidNamespace) return 'elsewhere'
  return isAlive(holder, self) ? holder.pid : undefined
}

function inUse(dataDir: string, path: string, by: string): StoreError {
  const message = `${dataDir} is in use ${by}. Stop that one first, or give this one a directory of its own.`
  return new StoreError('DATA_DIR_IN_USE', message, { path })
}

function tryLink(from: string, to: string): boolean {
  try {
    linkSync(from, to)
    return true
  } catch (error) {
    if ((error as { code?: unknown }).code === 'EEXIST') return false
    throw error
  }
}

/** Takes a stale lock away, and puts back what turns out to be a new one that another process made just now. */
function setAside(path: string, stale: string, own: string): void {
  const aside = `${own}.stale`
  try {
    renameSync(path, aside)
  } catch (error) {
    if ((error as { code?: unknown }).code === 'ENOENT') return
    throw error
  }
  if (readText(aside) !== stale) tryLink(aside, path)
  rmSync(aside, { force: true })
}

function isAlive(holder: Holder, self: Holder): boolean {
  if (holder.bootId !== self.bootId || holder.pidNamespace !== self.pidNamespace) return false
  if (self.startedAt !== '') return startedAt(holder.pid) === holder.startedAt
  try {
    process.kill(holder.pid, 0)
    return true
  } catch (error) {
    return (error as { code?: unknown }).code === 'EPERM'
  }
}

function describeSelf(): Holder {
  return {
    pid: process.pid,
    startedAt: startedAt(process.pid),
    bootId: currentBoot(),
    pidNamespace: pidNamespace(),
    nonce: randomBytes(6).toString('hex'),
  }
}

function startedAt(pid: number): string {
  const stat = readText(`/proc/${pid}/stat`) ?? ''
  // Behind the name of the program, which may itself hold spaces and brackets; the state Z is a process that has ended.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  return fields[0] === 'Z' ? '' : (fields[19] ?? '')
}

function pidNamespace(): string {
  try {
    return readlinkSync('/proc/self/ns/pid')
  } catch {
    return ''
  }
}

function parseHolder(text: string): Holder | undefined {
  try {
    const holder = JSON.parse(text) as Holder
    return Number.isInteger(holder.pid) ? holder : undefined
  } catch {
    // Cut short by a power cut: its process is gone.
    return undefined
  }
}

function readText(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8')
  } catch (error) {
    // ESRCH: the process ended between the opening of its file under /proc and the reading.
    const { code } = error as { code?: unknown }
    if (code === 'ENOENT' || code === 'ESRCH') return undefined
    throw error
  }
}
