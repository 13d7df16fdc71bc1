import type { Instance } from '../../src/base/numbers.js'
import { TestDisk } from '../support/core-disk.js'
import { type Incoming, NO_STATE, type SavedState, type SimCheckpoint } from './sim-checkpoint.js'

/** What one node has on disk of one group: its log, its state, its checkpoints, and one that is being received. */
export class SimDisk {
  readonly log = new TestDisk()
  /** Of a stored machine: what the state environment holds; undefined: nothing, or nothing that can be read. */
  state: SavedState | undefined
  /** Newest first. */
  checkpoints: readonly SimCheckpoint[] = []
  incoming: Incoming | undefined

  /** Where a group begins: a stored machine at what it has, one in memory at the newest checkpoint the log covers. */
  base(isStored: boolean): SavedState {
    if (isStored) return this.state ?? NO_STATE
    const { chosenUpTo } = this.log.head
    const newest = this.checkpoints.find(({ instance, isSound }) => isSound && instance <= chosenUpTo)
    return newest?.state() ?? NO_STATE
  }

  /** What its checkpoints cover, if nothing is wrong with them. */
  get coveredUpTo(): Instance {
    return this.checkpoints[0]?.instance ?? 0
  }

  find(ref: { readonly instance: Instance; readonly id: number }): SimCheckpoint | undefined {
    return this.checkpoints.find((checkpoint) => checkpoint.is(ref))
  }

  /** Keeps the newest `keep`, those that peers take, and the newest at which a group could begin. */
  add(checkpoint: SimCheckpoint, keep: number, now: number): void {
    const { chosenUpTo } = this.log.head
    const all = [checkpoint, ...this.checkpoints].sort((a, b) => b.instance - a.instance)
    const usable = all.find(({ instance, isSound }) => isSound && instance <= chosenUpTo)
    this.checkpoints = all.filter((one, index) => index < keep || one === usable || one.pinnedUntil > now)
  }

  /** Whoever read it has found that it is damaged. */
  remove(checkpoint: SimCheckpoint): void {
    this.checkpoints = this.checkpoints.filter((one) => one !== checkpoint)
  }

  crash(): void {
    this.incoming?.crash()
  }

  /**
   * The last instance of which this disk can no longer tell what it did; 0: it can tell all that it knows. `without`:
   * if that were gone too.
   */
  lostUpTo(without: { readonly state?: boolean; readonly checkpoints?: boolean } = {}): Instance {
    const { firstKept, chosenUpTo } = this.log.head
    const kept = without.checkpoints ? [] : this.checkpoints.filter(({ isSound }) => isSound)
    const state = without.state ? 0 : (this.state?.executedUpTo ?? 0)
    let lost = Math.max(state, kept[0]?.instance ?? 0) < firstKept - 1 ? firstKept - 1 : 0
    for (let i = firstKept; i <= chosenUpTo; i++) if (this.log.record(i) === undefined) lost = i
    return lost
  }
}
