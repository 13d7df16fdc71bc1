import type { GroupIndex } from '../base/numbers.js'
import { LmdbSnapshot } from './lmdb-snapshot.js'
import type { StoreGate } from './log-store.js'
import { StoredBlocks } from './state-blocks.js'
import { listedGroups, readBuiltIn, readStateHead } from './state-disk.js'
import type { StateHead } from './state-head.js'
import type { StateEntry, StatePosition } from './state-store.js'
import { compareKeys, machineEnd, NO_KEY, TreeCursor, treeKey, valueIn } from './state-tree.js'
import { stateDamaged } from './store-error.js'

/**
 * The states of a store as they were at one moment, for another thread of its process, while the store goes on. All that
 * it gives is of the same commit and has been compared with its checksums: what has not the right ones throws
 * STATE_DAMAGED.
 */
export class StateReader {
  readonly #snapshot: LmdbSnapshot
  readonly #heads = new Map<GroupIndex, StateHead | undefined>()

  private constructor(snapshot: LmdbSnapshot) {
    this.#snapshot = snapshot
  }

  /** `path`: that of a store which this process has open. */
  static open(path: string, gate?: StoreGate): StateReader {
    return new StateReader(new LmdbSnapshot(path, gate))
  }

  /** Undefined: the group has no state here. */
  position(group: GroupIndex): StatePosition | undefined {
    const head = this.#head(group)
    return head && { ...head.position, builtIn: readBuiltIn(head, this.#blocks(group, head)) }
  }

  /** Those that have entries, ascending. */
  machines(group: GroupIndex): number[] {
    const machines: number[] = []
    const tree = this.#tree(group)
    for (let from: Uint8Array | undefined = NO_KEY; tree !== undefined && from !== undefined; ) {
      const step = new TreeCursor(tree, from).next()
      if (step === undefined) break
      const [high = 0, low = 0] = step.block.key(step.at)
      machines.push(high * 256 + low)
      from = machineEnd(high * 256 + low)
    }
    return machines
  }

  /** All of a machine's, in ascending order, read as they are asked for. */
  *entries(group: GroupIndex, machine: number): IterableIterator<StateEntry> {
    const tree = this.#tree(group)
    if (tree === undefined) return
    const end = machineEnd(machine)
    const cursor = new TreeCursor(tree, treeKey(machine, NO_KEY))
    for (let step = cursor.next(); step !== undefined; step = cursor.next()) {
      const key = step.block.key(step.at)
      if (end !== undefined && compareKeys(key, end) >= 0) return
      yield { key: key.subarray(2), value: valueIn(tree, step.block, step.at) }
    }
  }

  close(): void {
    this.#snapshot.close()
  }

  #tree(group: GroupIndex) {
    const head = this.#head(group)
    return head && { source: this.#blocks(group, head), root: head.root }
  }

  #blocks(group: GroupIndex, head: StateHead): StoredBlocks {
    return new StoredBlocks(this.#snapshot, group, head.generation)
  }

  #head(group: GroupIndex): StateHead | undefined {
    if (this.#heads.has(group)) return this.#heads.get(group)
    const head = readStateHead(this.#snapshot, group)
    if ((head !== undefined) !== listedGroups(this.#snapshot).includes(group))
      throw stateDamaged(
        this.#snapshot.path,
        group,
        'the store lists it without its having a head, or the other way round',
      )
    this.#heads.set(group, head)
    return head
  }
}
