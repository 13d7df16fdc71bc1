import type { GroupIndex, Instance } from '../base/numbers.js'
import type { Head } from '../core/durable.js'
import { logPath, storeOfGroup } from '../store/data-layout.js'
import { environmentStamp, LmdbReadOnly } from '../store/lmdb-read-only.js'
import { isStoreError } from '../store/store-error.js'
import { type BornDirectory, chosenGroups, openBornDirectory, ownerOf } from './data-directory.js'
import { readHead, readPage } from './log-pages.js'
import { printLine, tell } from './output.js'
import { headLines, type LineOptions, missingLines, recordLines, unreadableLines } from './record-lines.js'
import { DAMAGED } from './refusal.js'

export interface LogOptions extends LineOptions {
  readonly group?: GroupIndex
  readonly from?: Instance
  readonly to?: Instance
  readonly limit?: number
  readonly follow: boolean
}

/** Records that `--follow` begins with, where neither --from nor --limit says. */
const FOLLOWED = 10
const POLL_MS = 100
/** For so long a log may be out of reach while a node starts, ends, or makes its store anew. */
const PATIENCE_MS = 30_000

/** Prints heads and records. Never writes, and never keeps a running node from writing. Returns the exit status. */
export async function runLog(path: string, options: LogOptions): Promise<number> {
  const directory = openBornDirectory(path)
  const logs = new OpenLogs(directory)
  let isSound = true
  try {
    const groups = chosenGroups(directory, options.group)
    const printers = groups.map((group) => new GroupPrinter(group, () => logs.of(group), options))
    for (const printer of printers) await printer.begin()
    if (options.follow) await follow(printers, logs)
    isSound = printers.every((printer) => printer.isSound)
  } finally {
    logs.close()
  }
  return isSound ? 0 : DAMAGED
}

/** Until all has been printed that was asked for, which may be never. */
async function follow(printers: readonly GroupPrinter[], logs: OpenLogs): Promise<void> {
  let reachedAt = performance.now()
  while (printers.some((printer) => !printer.isDone)) {
    await new Promise((resolve) => setTimeout(resolve, POLL_MS))
    try {
      logs.refresh()
      for (const printer of printers) await printer.goOn()
      reachedAt = performance.now()
    } catch (error) {
      const isPassing = isStoreError(error) && (error.code === 'DATA_DIR_IN_USE' || error.code === 'STORAGE_FAILED')
      if (!isPassing || performance.now() - reachedAt > PATIENCE_MS) throw error
      logs.close()
    }
  }
}

/** The logs of a data directory, each opened when it is asked for. */
class OpenLogs {
  readonly #directory: BornDirectory
  readonly #open = new Map<number, { readonly log: LmdbReadOnly; readonly stamp: string }>()
  #owner: number | undefined

  constructor(directory: BornDirectory) {
    this.#directory = directory
    this.#owner = ownerOf(directory.path, tell)
  }

  of(group: GroupIndex): LmdbReadOnly {
    const { path, manifest } = this.#directory
    const store = storeOfGroup(group, manifest.stores)
    const known = this.#open.get(store)
    if (known !== undefined) return known.log
    const log = new LmdbReadOnly(logPath(path, store), this.#owner)
    this.#open.set(store, { log, stamp: this.#stampOf(log) })
    return log
  }

  /**
   * To be called before each look: how a log may be read depends on whether somebody has the directory, and that shows in
   * its lock long before a store is opened.
   */
  refresh(): void {
    const owner = ownerOf(this.#directory.path, () => undefined)
    const isSame =
      owner === this.#owner && [...this.#open.values()].every(({ log, stamp }) => this.#stampOf(log) === stamp)
    if (isSame) return
    this.close()
    this.#owner = owner
  }

  close(): void {
    for (const { log } of this.#open.values()) log.close()
    this.#open.clear()
  }

  #stampOf({ path }: LmdbReadOnly): string {
    return environmentStamp(path, this.#owner === undefined)
  }
}

/** The records of one group, from where the options say. */
class GroupPrinter {
  isSound = true
  readonly #group: GroupIndex
  readonly #log: () => LmdbReadOnly
  readonly #options: LogOptions
  #next: Instance = 0
  #left: number

  constructor(group: GroupIndex, log: () => LmdbReadOnly, options: LogOptions) {
    this.#group = group
    this.#log = log
    this.#options = options
    this.#left = options.from === undefined || options.limit === undefined ? Number.POSITIVE_INFINITY : options.limit
  }

  /** Nothing more of it is to be printed. */
  get isDone(): boolean {
    return this.#left <= 0 || this.#next > (this.#options.to ?? Number.POSITIVE_INFINITY)
  }

  async begin(): Promise<void> {
    const { from, to, limit, follow } = this.#options
    const head = readHead(this.#log(), this.#group)
    await this.#print(headLines(this.#group, head, this.#options))
    const end = Math.min(to ?? Number.POSITIVE_INFINITY, follow ? head.chosenUpTo : head.lastAccepted)
    const last = limit ?? (follow ? FOLLOWED : Number.POSITIVE_INFINITY)
    this.#next = Math.max(1, from ?? Math.max(head.firstKept, end - last + 1))
    await this.#printUpTo((now) => (follow ? now.chosenUpTo : now.lastAccepted))
  }

  /** What was chosen since. */
  async goOn(): Promise<void> {
    await this.#printUpTo((head) => head.chosenUpTo)
  }

  async #printUpTo(end: (head: Head) => Instance): Promise<void> {
    const { to = Number.POSITIVE_INFINITY } = this.#options
    const upTo = (head: Head) => Math.min(to, end(head))
    for (;;) {
      if (this.isDone) return
      const { head, entries } = readPage(this.#log(), this.#group, this.#next, upTo)
      if (head.firstKept > this.#next) await this.#skip(Math.min(head.firstKept, upTo(head) + 1))
      if (entries.length === 0) return
      for (const { instance, record } of entries) {
        if (this.#left-- <= 0) return
        const isChosen = instance <= head.chosenUpTo
        if (typeof record === 'string') this.isSound = false
        await this.#print(
          typeof record === 'string'
            ? unreadableLines(this.#group, instance, record, this.#options)
            : recordLines(this.#group, record, isChosen, this.#options),
        )
        this.#next = instance + 1
      }
    }
  }

  async #skip(firstKept: Instance): Promise<void> {
    if (firstKept <= this.#next) return
    await this.#print(missingLines(this.#group, this.#next, firstKept - 1, 'trimmed', this.#options))
    this.#next = firstKept
  }

  async #print(lines: readonly string[]): Promise<void> {
    await printLine(lines.join('\n'))
  }
}
