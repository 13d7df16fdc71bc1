import { randomBytes } from 'node:crypto'
import { assert } from '../base/assert.js'
import type { GroupIndex } from '../base/numbers.js'
import type { VoterId } from '../core/membership.js'
import { LmdbEnvironment, type LmdbEnvironmentOptions } from './lmdb-environment.js'
import { LmdbStateLoad } from './lmdb-state-load.js'
import { headKey, KEY_BYTES, MAX_GROUPS } from './log-keys.js'
import { StateBlockCache } from './state-block-cache.js'
import { BlockWriter } from './state-block-writer.js'
import { bytesInPages, CachedBlocks, StoredBlocks } from './state-blocks.js'
import { readBuiltIn, readStateHead } from './state-disk.js'
import { findGarbage, freeGeneration, removeGarbage } from './state-garbage.js'
import { type BlockRef, encodeStateHead } from './state-head.js'
import { type BlockPlace, blockKey, MAX_BLOCK } from './state-keys.js'
import { install, type LiveState, type StatePlan } from './state-plan.js'
import { scrubTree } from './state-scrub.js'
import type { ScrubCursor, StateEntry, StateLoad, StatePosition, StateStore, StateWrite } from './state-store.js'
import { compareKeys, findInTree, machineEnd, TreeCursor, treeKey, valueIn } from './state-tree.js'
import { type TreeChange, TreeUpdate } from './state-tree-update.js'
import { checkStateWrite } from './state-write-check.js'
import { StoreError, stateDamaged } from './store-error.js'
import { checkOwnership, openIdentity, takeOwnership, writeIdentity } from './store-identity-file.js'

export interface LmdbStateStoreOptions extends LmdbEnvironmentOptions {
  /** A store that another voter has written is refused. */
  readonly voterId: VoterId
  /** What the blocks in memory may take, of all groups together. */
  readonly cacheBytes?: number
  /** How large a block of the tree becomes. Only tests have a reason to change it. */
  readonly blockBytes?: number
}

const DEFAULT_CACHE_BYTES = 32 * 1024 * 1024
/** See docs/storage.md for what other sizes cost. */
const DEFAULT_BLOCK_BYTES = bytesInPages(3)
/** A built-in state up to this stands in the head, which is written twice. */
const INLINE_BUILT_IN_BYTES = 512
/** Room reserved for each group in a commit, in puts of two pages. */
const PUTS_PER_GROUP = 12
/** Room for the lists of pages that become free with a slice of garbage. */
const PUTS_PER_COLLECTION = 200

/**
 * Each group's state is a tree of blocks (state-tree.ts) that are values of LMDB, replaced in place: LMDB itself makes a
 * commit atomic. The crc of each block stands in its parent, that of the root in the head, so nothing that LMDB's own
 * index may say after damage, a page of an earlier commit included, passes for the state.
 */
export class LmdbStateStore implements StateStore {
  readonly #env: LmdbEnvironment
  readonly #voterId: VoterId
  readonly #blockBytes: number
  readonly #cache: StateBlockCache
  /** Those that have a head. */
  readonly #groups: Set<GroupIndex>
  readonly #live = new Map<GroupIndex, LiveState>()
  /** The generations of the loads under way. */
  readonly #loads = new Map<GroupIndex, number>()
  readonly #token: Uint8Array = randomBytes(8)
  readonly #key = new Uint8Array(KEY_BYTES)
  /** Where to go on collecting: to look for it arms a timer (LmdbEnvironment). */
  #garbage: BlockPlace | undefined
  #isClean = false

  constructor(options: LmdbStateStoreOptions) {
    this.#voterId = options.voterId
    this.#blockBytes = options.blockBytes ?? DEFAULT_BLOCK_BYTES
    this.#cache = new StateBlockCache(options.cacheBytes ?? DEFAULT_CACHE_BYTES)
    this.#env = new LmdbEnvironment({ ...options, isRebuildable: true })
    try {
      this.#groups = new Set(openIdentity(this.#env, options.voterId)?.groups)
      this.#env.write(this.#groups.size * 2, 4, () => {
        this.#writeIdentity()
        takeOwnership(this.#env, this.#token)
      })
    } catch (error) {
      this.#env.close()
      throw error
    }
  }

  get path(): string {
    return this.#env.path
  }

  load(group: GroupIndex): StatePosition | undefined {
    this.#forget(group)
    const found = this.#env.view(() => {
      const head = readStateHead(this.#env, group)
      if (head === undefined && this.#groups.has(group))
        throw this.#damaged(group, 'both copies of its head are missing')
      if (head !== undefined && !this.#groups.has(group))
        throw this.#damaged(group, 'it has a head, but the store does not list it')
      if (head !== undefined && head.voterId !== this.#voterId) throw this.#foreign(group, head.voterId)
      if (head === undefined) return undefined
      return { head, builtIn: readBuiltIn(head, new StoredBlocks(this.#env, group, head.generation)) }
    })
    if (found === undefined) {
      this.#begin(group, this.#freeGeneration(group))
      return undefined
    }
    const { head, builtIn } = found
    const live = this.#begin(group, head.generation)
    live.position = head.position
    live.builtInAt = head.builtInAt
    live.nextBlock = head.nextBlock
    live.tree = { source: live.source, root: head.root }
    return { ...head.position, builtIn }
  }

  get(group: GroupIndex, machine: number, key: Uint8Array): Uint8Array | undefined {
    return findInTree(this.#opened(group).tree, treeKey(machine, key))
  }

  range(
    group: GroupIndex,
    machine: number,
    from: Uint8Array,
    end?: Uint8Array,
    reverse = false,
  ): IterableIterator<StateEntry> {
    const last = end === undefined ? machineEnd(machine) : treeKey(machine, end)
    return this.#walk(this.#opened(group), treeKey(machine, from), last, reverse)
  }

  commit(writes: readonly StateWrite[]): void {
    this.#env.usable()
    const groups = new Set<GroupIndex>()
    for (const write of writes) {
      assert(!groups.has(write.group), `group ${write.group} stands twice in one commit`)
      groups.add(write.group)
      checkStateWrite(write, this.#opened(write.group).position)
    }
    // All reading comes first: what cannot be read concerns one group, an error of a transaction that writes all of them.
    const plans = this.#env.view(() => writes.map((write) => this.#plan(write)))
    this.#write(plans)
  }

  beginLoad(group: GroupIndex): StateLoad {
    this.#env.usable()
    assert(Number.isInteger(group) && group >= 0 && group < MAX_GROUPS, `no group can have the index ${group}`)
    assert(!this.#loads.has(group), `group ${group} is being loaded already`)
    const generation = this.#freeGeneration(group)
    this.#loads.set(group, generation)
    return new LmdbStateLoad(group, new BlockWriter(1, this.#blockBytes), {
      write: (writer) => {
        this.#env.write(...roomFor(writer), () => {
          checkOwnership(this.#env, this.#key, this.#token)
          this.#putBlocks(group, generation, writer)
        })
        writer.puts = []
        writer.removed = []
      },
      finish: (writer, root, position) => {
        const live = this.#unborn(group, generation)
        this.#write([this.#planOf(live, writer, root, position)])
        this.#forget(group)
        this.#live.set(group, live)
        this.#loads.delete(group)
        this.#isClean = false
      },
      abort: () => {
        this.#loads.delete(group)
        this.#isClean = false
      },
    })
  }

  scrub(group: GroupIndex, cursor: ScrubCursor | undefined, maxBytes: number): ScrubCursor | undefined {
    const { generation, position, tree } = this.#opened(group)
    if (position === undefined) return undefined
    const source = new StoredBlocks(this.#env, group, generation)
    return this.#env.view(() => {
      if (cursor === undefined) {
        const head = readStateHead(this.#env, group)
        if (head === undefined) throw this.#damaged(group, 'both copies of its head are missing')
        readBuiltIn(head, source)
      }
      return scrubTree(source, tree.root, cursor, maxBytes)
    })
  }

  drop(group: GroupIndex): void {
    this.#env.usable()
    this.#groups.delete(group)
    this.#env.write(this.#groups.size * 2, PUTS_PER_GROUP, () => {
      checkOwnership(this.#env, this.#key, this.#token)
      this.#writeIdentity()
      for (const copy of [0, 1] as const) this.#env.remove(headKey(this.#key, group, copy))
    })
    this.#forget(group)
    this.#begin(group, this.#freeGeneration(group))
    this.#isClean = false
  }

  collect(maxBytes: number): boolean {
    this.#env.usable()
    if (this.#isClean) return false
    const isLive = (group: GroupIndex, generation: number) => this.#isLive(group, generation)
    const next = this.#garbage
    // A load may have taken the number of the generation meanwhile, if nothing of it was left.
    const garbage = next === undefined || isLive(next.group, next.generation) ? findGarbage(this.#env, isLive) : next
    if (garbage === undefined) {
      this.#isClean = true
      return false
    }
    this.#env.write(0, PUTS_PER_COLLECTION, () => {
      checkOwnership(this.#env, this.#key, this.#token)
      this.#garbage = removeGarbage(this.#env, garbage, maxBytes)
    })
    return true
  }

  endRound(): void {
    this.#env.resetReadTxn()
  }

  close(): void {
    this.#env.close()
  }

  #opened(group: GroupIndex): LiveState {
    this.#env.usable()
    const live = this.#live.get(group)
    assert(live !== undefined, `the state of group ${group} was not loaded`)
    return live
  }

  #forget(group: GroupIndex): void {
    this.#live.get(group)?.shelf.clear()
    this.#live.delete(group)
  }

  #begin(group: GroupIndex, generation: number): LiveState {
    const live = this.#unborn(group, generation)
    this.#live.set(group, live)
    return live
  }

  #unborn(group: GroupIndex, generation: number): LiveState {
    const shelf = this.#cache.shelf()
    const source = new CachedBlocks(new StoredBlocks(this.#env, group, generation), shelf)
    const tree = { source, root: undefined }
    const nothing = { position: undefined, builtInAt: undefined, nextBlock: 1, commits: 0 }
    return { group, generation, shelf, source, tree, ...nothing }
  }

  #freeGeneration(group: GroupIndex): number {
    const taken = [this.#live.get(group)?.generation, this.#loads.get(group)].filter((one) => one !== undefined)
    const free = freeGeneration(this.#env, group, taken)
    assert(free !== undefined, `group ${group}: what was replaced is never collected, and there is no room for more`)
    return free
  }

  /** Keeps what it cannot tell: a group that is damaged, and was neither dropped nor loaded yet. */
  #isLive(group: GroupIndex, generation: number): boolean {
    if (this.#loads.get(group) === generation) return true
    const live = this.#live.get(group)
    if (live !== undefined) return live.generation === generation
    if (!this.#groups.has(group)) return false
    try {
      return readStateHead(this.#env, group)?.generation === generation
    } catch {
      return true
    }
  }

  *#walk(
    live: LiveState,
    from: Uint8Array,
    end: Uint8Array | undefined,
    reverse: boolean,
  ): IterableIterator<StateEntry> {
    const { group, tree, commits } = live
    const cursor = new TreeCursor(tree, reverse ? end : from)
    for (;;) {
      this.#env.usable()
      const isUnchanged = live.commits === commits && this.#live.get(group) === live
      assert(isUnchanged, `group ${group}: a range was read on after a commit`)
      const step = reverse ? cursor.previous() : cursor.next()
      if (step === undefined) return
      const key = step.block.key(step.at)
      if (reverse ? compareKeys(key, from) < 0 : end !== undefined && compareKeys(key, end) >= 0) return
      yield { key: key.subarray(2), value: valueIn(tree, step.block, step.at) }
    }
  }

  #plan({ group, position, changes }: StateWrite): StatePlan {
    const live = this.#opened(group)
    const writer = new BlockWriter(live.nextBlock, this.#blockBytes)
    const update = new TreeUpdate(live.tree, writer)
    const ofTree: TreeChange[] = []
    for (const machine of [...changes.keys()].sort((a, b) => a - b))
      for (const { key, value } of changes.get(machine) ?? []) ofTree.push({ key: treeKey(machine, key), value })
    update.apply(ofTree)
    return this.#planOf(live, writer, update.root, position)
  }

  #planOf(live: LiveState, writer: BlockWriter, root: BlockRef | undefined, position: StatePosition): StatePlan {
    if (live.builtInAt !== undefined) writer.removeBig(live.builtInAt)
    const { builtIn } = position
    const builtInAt = builtIn.length > INLINE_BUILT_IN_BYTES ? writer.putBig(builtIn) : undefined
    assert(
      writer.nextBlock <= MAX_BLOCK,
      `group ${live.group} has used up its block numbers: load it from a checkpoint`,
    )
    return { live, writer, root, position, builtInAt }
  }

  #write(plans: readonly StatePlan[]): void {
    const rooms = plans.map(({ writer }) => roomFor(writer))
    const bytes = rooms.reduce((sum, [one]) => sum + one, this.#groups.size * 2)
    const puts = rooms.reduce((sum, [, one]) => sum + one, 0)
    const born = plans.filter(({ live }) => !this.#groups.has(live.group))
    for (const { live } of born) this.#groups.add(live.group)
    this.#env.write(bytes, puts, () => {
      checkOwnership(this.#env, this.#key, this.#token)
      if (born.length > 0) this.#writeIdentity()
      for (const plan of plans) {
        this.#putBlocks(plan.live.group, plan.live.generation, plan.writer)
        this.#putHead(plan)
      }
    })
    for (const plan of plans) install(plan)
  }

  #putBlocks(group: GroupIndex, generation: number, { puts, removed }: BlockWriter): void {
    for (const { block, bytes } of puts) this.#env.put(blockKey(this.#key, group, generation, block), bytes)
    for (const block of removed) this.#env.remove(blockKey(this.#key, group, generation, block))
  }

  #putHead({ live: { group, generation }, writer: { nextBlock }, root, position, builtInAt }: StatePlan): void {
    const bytes = encodeStateHead(group, { voterId: this.#voterId, generation, root, nextBlock, position, builtInAt })
    this.#env.put(headKey(this.#key, group, 0), bytes)
    this.#env.put(headKey(this.#key, group, 1), bytes)
  }

  #writeIdentity(): void {
    writeIdentity(this.#env, this.#voterId, [...this.#groups])
  }

  #damaged(group: GroupIndex, what: string): StoreError {
    return stateDamaged(this.path, group, what)
  }

  #foreign(group: GroupIndex, voterId: VoterId): StoreError {
    const message = `The head of group ${group} in ${this.path} was written by voter ${voterId}, not ${this.#voterId}.`
    return new StoreError('STORE_FOREIGN', message, { path: this.path, group })
  }
}

/** The bytes and puts that a commit of the blocks takes, for the reservation of space. */
function roomFor({ puts, removed }: BlockWriter): [bytes: number, puts: number] {
  let bytes = 0
  for (const put of puts) bytes += put.bytes.length
  return [bytes, puts.length + removed.length + PUTS_PER_GROUP]
}
