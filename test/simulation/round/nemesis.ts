import type { GroupIndex, NodeId } from '../../../src/base/numbers.js'
import type { Random } from '../../../src/base/random.js'
import type { WorkerStore } from '../../../src/codec/worker-task.js'
import { headKey, identityKey, KEY_BYTES, recordKey } from '../../../src/store/log-keys.js'
import type { RoundWorld } from './round-world.js'
import { nameOf } from './sim-environment.js'
import type { SimProcess } from './sim-process.js'
import type { VirtualDisk } from './virtual-disk.js'

/** Everything that goes wrong at random times, until told to stop. */
export class Nemesis {
  private readonly world: RoundWorld
  private stopped = false

  constructor(world: RoundWorld) {
    this.world = world
  }

  start(): void {
    const { faults } = this.world
    this.often(faults.crashesPerSecond, () => this.crash())
    this.often(faults.stopsPerSecond, () => this.stopNode())
    this.often(faults.workerDeathsPerSecond, () => this.loseWorker())
    this.often(faults.cutsPerSecond, () => this.cut())
    this.often(faults.slowNodesPerSecond, () => this.slow())
    this.often(faults.diskErrorsPerSecond, () => this.diskError())
    this.often(faults.fullDisksPerSecond, () => this.fillDisk())
    this.often(faults.healedFlipsPerSecond, () => this.flipOneCopy())
    this.often(faults.damagePerSecond, () => this.damage())
    this.raise()
    // The first commits of all are those that make a store and its groups.
    if (faults.diskErrorsPerSecond > 0) this.someStore().disk.failingWrite = this.world.random.below(4)
  }

  stop(): void {
    this.stopped = true
  }

  private often(perSecond: number, action: () => void): void {
    if (perSecond === 0) return
    const { queue, random } = this.world
    queue.after((-Math.log(1 - random.between(0, 1)) * 1000) / perSecond, () => {
      if (this.stopped) return
      action()
      this.often(perSecond, action)
    })
  }

  private crash(): void {
    const { random, processes } = this.world
    // Now and then all at once: what was acknowledged is on the disks of a majority.
    if (random.chance(0.08)) for (const process of processes) process.crash()
    else this.someProcess().crash()
    this.world.count('crash')
  }

  private stopNode(): void {
    this.someProcess().stop()
    this.world.count('stop')
  }

  private loseWorker(): void {
    this.someProcess().loseWorker()
    this.world.count('worker lost')
  }

  /** Whoever is down comes back after a while; a node whose store has failed is restarted by its operator. */
  private raise(): void {
    const { random, queue, processes } = this.world
    queue.after(random.between(10, 600), () => {
      for (const process of processes) {
        if (!this.stopped && process.hasFailedStore && random.chance(0.1)) process.crash()
        if (!process.up && (this.stopped || random.chance(0.4))) this.world.raise(process)
      }
      this.raise()
    })
  }

  private cut(): void {
    const { random, network, nodeIds, queue } = this.world
    network.mendAll()
    const kind = random.below(4)
    const one = this.someProcess().nodeId
    const isCut = (a: NodeId, b: NodeId) => {
      if (kind === 0) return (a === one) !== (b === one)
      if (kind === 1) return a === one
      if (kind === 2) return a % 2 !== b % 2
      return random.chance(0.3)
    }
    for (const a of nodeIds) for (const b of nodeIds) if (a !== b && isCut(a, b)) network.block(a, b)
    this.world.count('cut')
    if (random.chance(0.7)) queue.after(random.between(20, 2500), () => network.mendAll())
  }

  private slow(): void {
    const { network, queue, random } = this.world
    network.slowDown(this.someProcess().nodeId)
    this.world.count('slow node')
    queue.after(random.between(100, 3000), () => network.mendAll())
  }

  private diskError(): void {
    const { disk } = this.someStore()
    if (this.world.random.chance(0.7)) disk.failingWrite = 1
    else disk.failNextRead = true
    this.world.count('disk error')
  }

  private fillDisk(): void {
    const { disk } = this.someStore()
    disk.isFull = true
    this.world.count('disk full')
    this.world.queue.after(this.world.random.between(50, 4000), () => {
      disk.isFull = false
    })
  }

  /** What stands twice on a disk may lose one copy, and nobody notices. */
  private flipOneCopy(): void {
    const { random } = this.world
    const { process, store, disk } = this.someStore()
    const group = someOf(random, store.groups)
    const copy = random.below(2)
    const name = headsOf(group)[copy] as string
    if (!hasEqualHeads(disk, group)) return
    disk.flipBit(name, random)
    this.world.count('one copy of a head flipped')
    this.world.trace(process.nodeId, group, () => `copy ${copy} of the head loses a bit`)
  }

  private damage(): void {
    const { random } = this.world
    const kinds = [
      () => this.flipRecord(),
      () => this.flipBothHeads(),
      () => this.tear(),
      () => this.loseStore(),
      () => this.flipIdentity(),
      () => this.flipJournal(),
      () => this.replaceDisks(),
    ]
    // The first of them is the one that a node survives as a voter.
    ;(kinds[random.chance(0.4) ? 0 : random.below(kinds.length)] as () => void)()
  }

  private flipRecord(): void {
    const { random } = this.world
    const { process, store, disk } = this.someStore()
    const group = someOf(random, store.groups)
    const records = recordsOf(disk, group)
    if (records.length === 0 || !this.hit(process, group, 'a record loses a bit')) return
    disk.flipBit(someOf(random, records), random)
  }

  private flipBothHeads(): void {
    const { random } = this.world
    const { process, store, disk } = this.someStore()
    const group = someOf(random, store.groups)
    const names = headsOf(group)
    if (!names.every((name) => disk.values.has(name))) return
    if (!this.hit(process, group, 'both copies of a head lose a bit')) return
    for (const name of names) disk.flipBit(name, random)
  }

  /** A device that said it had flushed, and had not: one write of the last transaction is missing after a power cut. */
  private tear(): void {
    const { random } = this.world
    const { process, store, disk } = this.someStore()
    const group = someOf(random, store.groups)
    const written = new Set([...headsOf(group), ...recordsOf(disk, group)])
    const torn = disk.lastChanged().filter((name) => written.has(name))
    if (torn.length < 2 || !hasEqualHeads(disk, group) || !this.hit(process, group, 'the last write is torn')) return
    process.crash()
    disk.forget(someOf(random, torn))
  }

  /** A store is gone while the manifest still knows of it. */
  private loseStore(): void {
    const { process, store, disk } = this.someStore()
    if (disk.values.size === 0 || !this.hit(process, store.groups[0] as GroupIndex, 'a store is gone')) return
    process.crash()
    disk.wipe()
  }

  private flipIdentity(): void {
    const { random } = this.world
    const { process, disk } = this.someStore()
    const names = ([0, 1] as const).map((copy) => nameOf(identityKey(new Uint8Array(KEY_BYTES), copy)))
    if (!names.every((name) => disk.values.has(name))) return
    if (!this.hit(process, 0, 'both copies of an identity lose a bit')) return
    process.crash()
    for (const name of names) disk.flipBit(name, random)
  }

  private flipJournal(): void {
    const { process, store, disk } = this.someStore()
    // An acknowledged entry that lost its note with the power, and then a bit, is not to be told from one that was being written.
    if (disk.journal === undefined || disk.hasLostPower) return
    if (!this.hit(process, store.groups[0] as GroupIndex, 'a journal loses a bit')) return
    process.crash()
    disk.flipJournalBit(this.world.random)
  }

  /** The node comes back with an empty disk. */
  private replaceDisks(): void {
    const process = this.someProcess()
    if (!this.hit(process, 0, 'all disks are replaced')) return
    process.crash()
    process.replaceDisks()
  }

  /** False if this node may not be damaged. */
  private hit(process: SimProcess, group: GroupIndex, what: string): boolean {
    if (!this.world.damage.tryHit(process.nodeId)) return false
    this.world.count(what)
    this.world.trace(process.nodeId, group, () => what)
    return true
  }

  private someProcess(): SimProcess {
    const { random, processes } = this.world
    return processes[random.below(processes.length)] as SimProcess
  }

  private someStore(): { process: SimProcess; store: WorkerStore; disk: VirtualDisk } {
    const process = this.someProcess()
    const store = process.stores[this.world.random.below(process.stores.length)] as WorkerStore
    return { process, store, disk: process.diskAt(store.path) }
  }
}

function someOf<T>(random: Random, choices: readonly T[]): T {
  return choices[random.below(choices.length)] as T
}

/** Both copies. */
function headsOf(group: GroupIndex): string[] {
  return ([0, 1] as const).map((copy) => nameOf(headKey(new Uint8Array(KEY_BYTES), group, copy)))
}

/** Of two copies that differ already, one more loss may leave the older alone: that is two faults at once. */
function hasEqualHeads(disk: VirtualDisk, group: GroupIndex): boolean {
  const [first, second] = headsOf(group).map((name) => disk.values.get(name))
  return first !== undefined && second !== undefined && Buffer.compare(first, second) === 0
}

function recordsOf(disk: VirtualDisk, group: GroupIndex): string[] {
  const [low, high] = [0, 2 ** 48 - 2].map((instance) => nameOf(recordKey(new Uint8Array(KEY_BYTES), group, instance)))
  return [...disk.values.keys()].filter((name) => name > (low as string) && name < (high as string))
}
