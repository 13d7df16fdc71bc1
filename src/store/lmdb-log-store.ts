import { randomBytes } from 'node:crypto'
import { assert } from '../base/assert.js'
import type { GroupIndex, Instance } from '../base/numbers.js'
import { encodeHead, HEAD_BYTES, type StoredHead } from '../codec/head.js'
import { decodeRecord, encodeRecord, recordBytes, recordCrc } from '../codec/record.js'
import { type DurableState, EMPTY_HEAD, type LogRecord } from '../core/durable.js'
import type { VoterId } from '../core/membership.js'
import { currentBoot } from './boot-id.js'
import { GroupLedger } from './group-ledger.js'
import { JournaledEnvironment } from './journaled-environment.js'
import { isShared, LmdbEnvironment, type LmdbEnvironmentOptions } from './lmdb-environment.js'
import { headKey, instanceOfKey, KEY_BYTES, MAX_GROUPS, MAX_INSTANCE, recordKey } from './log-keys.js'
import { headCopyOf, recordsOf } from './log-records.js'
import type { GroupWrite, LogStore } from './log-store.js'
import { StoreError } from './store-error.js'
import { checkOwnership, openIdentity, takeOwnership, writeIdentity } from './store-identity-file.js'

export interface LmdbLogStoreOptions extends LmdbEnvironmentOptions {
  /** A store that holds the votes of another voter is refused. */
  readonly voterId: VoterId
  /** Length of the journal's file, where one is made. Only tests have a reason to change it. */
  readonly journalBytes?: number
  /** Only tests name another one than that of the machine. */
  readonly bootId?: string
}

/** From this format of a store on there is a journal. */
const JOURNAL_FORMAT = 2

/** Records deleted per group and commit at the most, so that no round pays for a large trim at once. */
const TRIM_SLICE = 512
/**
 * Records wait until this many, or so many bytes, can go at once: each trim rewrites another page of the tree, for one
 * record as for many. Not more bytes: LMDB writes the list of all free pages that it has at hand with every commit, and
 * with 64 records of 64 KB trimmed at once each commit took ten times as long.
 */
const TRIM_BATCH = 64
const TRIM_BATCH_BYTES = 16 * 1024
/** Room reserved for each group in a commit, in puts of two pages. */
const PUTS_PER_GROUP = 12
/** The encode buffer grows to the largest record; past this it is given back after use. */
const KEPT_BUFFER_BYTES = 8 * 1024 * 1024

export class LmdbLogStore implements LogStore {
  readonly #env: JournaledEnvironment
  readonly #voterId: VoterId
  readonly #groups: Set<GroupIndex>
  readonly #ledgers = new Map<GroupIndex, GroupLedger>()
  readonly #token: Uint8Array = randomBytes(8)
  readonly #key = new Uint8Array(KEY_BYTES)
  readonly #head = new Uint8Array(HEAD_BYTES)
  #buffer = new Uint8Array(64 * 1024)
  #commits = 0
  /** Those that the journal has something of. */
  readonly #journaled = new Set<GroupLedger>()

  constructor(options: LmdbLogStoreOptions) {
    this.#voterId = options.voterId
    const env = new LmdbEnvironment(options)
    try {
      const identity = openIdentity(env, options.voterId)
      this.#groups = new Set(identity?.groups)
      const isExpected = (identity?.format ?? 0) >= JOURNAL_FORMAT
      const { journalBytes: length, bootId = currentBoot() } = options
      // A store that cannot write says so now, not after it has voted.
      this.#env = new JournaledEnvironment(env, { isExpected, length, bootId }, () => {
        writeIdentity(env, options.voterId, [...this.#groups])
        takeOwnership(env, this.#token)
      })
    } catch (error) {
      env.close()
      throw error
    }
  }

  get path(): string {
    return this.#env.path
  }

  /** The groups that were created here. */
  get groups(): readonly GroupIndex[] {
    return [...this.#groups]
  }

  load(group: GroupIndex): DurableState | undefined {
    this.#ledgers.delete(group)
    if (!this.#env.isAbsorbed) this.#write([], 0, 0)
    const loaded = this.#env.view(() => this.#loadInside(group))
    if (loaded === undefined) return undefined
    const { ledger, state } = loaded
    ledger.trimmedTo = this.#firstStored(group, state.head.firstKept)
    this.#ledgers.set(group, ledger)
    return state
  }

  create(groups: readonly GroupIndex[]): void {
    const added = groups.filter((group) => !this.#groups.has(group))
    for (const group of added) {
      assert(Number.isInteger(group) && group >= 0 && group < MAX_GROUPS, `no group can have the index ${group}`)
      this.#groups.add(group)
      this.#ledgers.set(group, new GroupLedger(group, EMPTY_HEAD, EMPTY_HEAD.firstKept))
    }
    this.#env.write(this.#groups.size * 2, added.length + 4, () => {
      checkOwnership(this.#env, this.#key, this.#token)
      this.#writeIdentity()
      for (const group of added) this.#putHead(group, { voterId: this.#voterId, head: EMPTY_HEAD, digest: 0 })
    })
  }

  commit(writes: readonly GroupWrite[]): void {
    const commit = ++this.#commits
    let bytes = 0
    let puts = 0
    let isTrimDue = false
    for (const write of writes) {
      const ledger = this.#ledger(write.group)
      assert(ledger.lastCommit !== commit, `group ${write.group} stands twice in one commit`)
      ledger.lastCommit = commit
      ledger.check(write)
      if (write.head.firstKept - ledger.trimmedTo >= TRIM_SLICE) isTrimDue = true
      puts += write.records.length + 2
      bytes += 2 * HEAD_BYTES
      for (const record of write.records) {
        const { value, instance } = record
        bytes += recordBytes(record)
        assert(!isShared(value), `the value of instance ${instance} lies in memory that threads share: copy it first`)
        assert(instance <= MAX_INSTANCE, `instance ${instance} does not fit into a key`)
      }
    }
    if (!isTrimDue && this.#env.hasRoom(puts, bytes)) this.#append(writes)
    else this.#write(writes, bytes, puts)
    if (this.#buffer.length > KEPT_BUFFER_BYTES) this.#buffer = new Uint8Array(64 * 1024)
  }

  read(group: GroupIndex, from: Instance, upTo: Instance, maxBytes: number): LogRecord[] {
    return this.#env.view(() => recordsOf(this.#env, group, from, upTo, maxBytes))
  }

  get hasUnflushed(): boolean {
    return this.#env.hasUnflushed
  }

  setRelaxed(isRelaxed: boolean): void {
    if (isRelaxed !== this.#env.isRelaxed) this.#write([], 0, 0, isRelaxed)
  }

  flush(): void {
    this.#env.flush()
  }

  endRound(): void {
    this.#env.resetReadTxn()
  }

  close(): void {
    try {
      if (!this.#env.isAbsorbed || this.#env.isRelaxed) this.#write([], 0, 0, false)
    } catch {
      // Nothing is lost by it: the journal has it, and if that is relaxed, LMDB still says so.
    }
    this.#env.close()
  }

  #ledger(group: GroupIndex): GroupLedger {
    const ledger = this.#ledgers.get(group)
    assert(ledger !== undefined, `group ${group} was neither loaded nor created`)
    return ledger
  }

  /** One write to the journal, and no trim. */
  #append(writes: readonly GroupWrite[]): void {
    this.#env.append(() => {
      checkOwnership(this.#env, this.#key, this.#token)
      for (const write of writes) this.#journaled.add(this.#putGroup(write))
    })
  }

  /** One transaction of LMDB, which takes up the journal too, and says whether what follows is relaxed. */
  #write(writes: readonly GroupWrite[], bytes: number, puts: number, isRelaxed = this.#env.isRelaxed): void {
    const ledgers = new Set(this.#journaled)
    let reseek: GroupLedger | undefined
    // Each group has its own leaves: those of its newest records, of its second head, and of what is trimmed.
    const body = () => {
      checkOwnership(this.#env, this.#key, this.#token)
      for (const write of writes) ledgers.add(this.#putGroup(write))
      for (const ledger of ledgers) if (!this.#trim(ledger)) reseek = ledger
    }
    this.#env.write(bytes, puts + (ledgers.size + writes.length) * PUTS_PER_GROUP, body, isRelaxed)
    this.#journaled.clear()
    if (reseek !== undefined) reseek.trimmedTo = this.#firstStored(reseek.group, reseek.head.firstKept)
  }

  #putGroup({ group, records, head }: GroupWrite): GroupLedger {
    const ledger = this.#ledger(group)
    ledger.advance(head.chosenUpTo)
    for (const record of records) {
      const bytes = recordBytes(record)
      if (bytes > this.#buffer.length) this.#buffer = new Uint8Array(2 ** Math.ceil(Math.log2(bytes)))
      const crc = encodeRecord(this.#buffer, group, record)
      this.#env.put(recordKey(this.#key, group, record.instance), this.#buffer.subarray(0, bytes))
      ledger.note(record.instance, crc)
      ledger.meanBytes += (bytes - ledger.meanBytes) / 16
    }
    ledger.settle(head)
    this.#putHead(group, { voterId: this.#voterId, head, digest: ledger.digest })
    return ledger
  }

  /** False if there was nothing to delete, and it should look where the next record is. */
  #trim(ledger: GroupLedger): boolean {
    const waiting = ledger.head.firstKept - ledger.trimmedTo
    if (waiting < Math.min(TRIM_BATCH, TRIM_BATCH_BYTES / ledger.meanBytes) || waiting === 0) return true
    const until = ledger.trimmedTo + Math.min(waiting, TRIM_SLICE)
    let removed = false
    for (; ledger.trimmedTo < until; ledger.trimmedTo++) {
      if (this.#env.remove(recordKey(this.#key, ledger.group, ledger.trimmedTo))) removed = true
    }
    return removed
  }

  #putHead(group: GroupIndex, stored: StoredHead): void {
    encodeHead(this.#head, group, stored)
    this.#env.put(headKey(this.#key, group, 0), this.#head)
    this.#env.put(headKey(this.#key, group, 1), this.#head)
  }

  #writeIdentity(): void {
    writeIdentity(this.#env, this.#voterId, [...this.#groups])
  }

  /** The first instance of which a record below `firstKept` is left, or `firstKept`. */
  #firstStored(group: GroupIndex, firstKept: Instance): Instance {
    const end = recordKey(new Uint8Array(KEY_BYTES), group, firstKept)
    const key = this.#env.firstKey(recordKey(this.#key, group, 1), end)
    return key === undefined ? firstKept : instanceOfKey(key)
  }

  #loadInside(group: GroupIndex): { ledger: GroupLedger; state: DurableState } | undefined {
    const stored = this.#loadHead(group)
    if (stored === undefined) return undefined
    const { head, digest } = stored
    const ledger = new GroupLedger(group, head, head.firstKept)
    const tail: LogRecord[] = []
    for (let instance = head.chosenUpTo + 1; instance <= head.lastAccepted; instance++) {
      const found = this.#env.get(recordKey(this.#key, group, instance))
      if (found === undefined) throw this.#damagedGroup(group, `its accepted record ${instance} is missing`, instance)
      const record = decodeRecord(found, group, instance, this.#env.lastLength)
      if (typeof record === 'string')
        throw this.#damagedGroup(group, `its accepted record ${instance} is unreadable (${record})`, instance)
      ledger.note(instance, recordCrc(found))
      tail.push(record)
    }
    if (ledger.digest !== digest)
      throw this.#damagedGroup(group, 'its accepted records are not the ones that its head was written for')
    return { ledger, state: { head, tail } }
  }

  #loadHead(group: GroupIndex): StoredHead | undefined {
    const first = headCopyOf(this.#env, group, 0)
    const second = headCopyOf(this.#env, group, 1)
    if (!this.#groups.has(group)) {
      if (first === 'missing' && second === 'missing') return undefined
      throw this.#damagedGroup(group, 'it has a head, but the store does not list it')
    }
    const stored = typeof first === 'string' ? second : first
    if (typeof stored === 'string')
      throw this.#damagedGroup(group, `both copies of its head are unreadable (${first}, ${second})`)
    if (typeof first !== 'string' && typeof second !== 'string' && !sameHead(first, second))
      throw this.#damagedGroup(group, 'the two copies of its head differ')
    if (stored.voterId !== this.#voterId) {
      const message = `The head of group ${group} in ${this.path} was written by voter ${stored.voterId}, not ${this.#voterId}.`
      throw new StoreError('STORE_FOREIGN', message, { path: this.path, group })
    }
    return stored
  }

  #damagedGroup(group: GroupIndex, what: string, instance?: Instance): StoreError {
    const todo = 'It must not vote with it: set the data directory aside and let this node join again as a new voter.'
    const details = { path: this.path, group, ...(instance === undefined ? {} : { instance }) }
    return new StoreError('GROUP_DAMAGED', `Group ${group} in ${this.path} is damaged: ${what}. ${todo}`, details)
  }
}

function sameHead(a: StoredHead, b: StoredHead): boolean {
  const [x, y] = [a.head, b.head]
  const samePlace = x.chosenUpTo === y.chosenUpTo && x.lastAccepted === y.lastAccepted && x.firstKept === y.firstKept
  return (
    samePlace && x.promised === y.promised && x.chain === y.chain && a.digest === b.digest && a.voterId === b.voterId
  )
}
