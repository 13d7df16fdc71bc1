import type { GroupIndex, NodeId } from '../../../src/base/numbers.js'
import { decodeMessage } from '../../../src/codec/messages.js'
import type { LogStore } from '../../../src/store/log-store.js'
import type { SentMessage } from './test-host.js'

/** What one group of one node has on disk, as its completed commits said. */
interface OnDisk {
  promised: number
  chosenUpTo: number
  readonly ballots: Map<number, number>
}

const BOUNDS = { maxMessageBytes: 1 << 28, maxValueBytes: 1 << 28 }

/**
 * Holds what a node has published against what its disk held at that moment: the rules of docs/protocol.md,
 * "Durability". `look` reads the outbox; it is called at the beginning of each commit, when nothing of that commit may
 * have left yet, and at its end.
 */
export class OrderingWatch {
  readonly violations: string[] = []
  /** Accepts that had left when the commit with the leader's own record began: disk and network overlap. */
  overlapping = 0
  checked = 0
  readonly #disks = new Map<string, OnDisk>()

  wrap(node: NodeId, log: LogStore, look: () => void): LogStore {
    return {
      load: (group) => {
        const state = log.load(group)
        if (state !== undefined) {
          const disk = this.#disk(node, group)
          disk.promised = state.head.promised
          disk.chosenUpTo = state.head.chosenUpTo
          for (const { instance, ballot } of state.tail) disk.ballots.set(instance, ballot)
        }
        return state
      },
      create: (groups) => log.create(groups),
      read: (group, from, upTo, maxBytes) => log.read(group, from, upTo, maxBytes),
      get hasUnflushed() {
        return log.hasUnflushed
      },
      setRelaxed: (isRelaxed) => log.setRelaxed(isRelaxed),
      flush: () => log.flush(),
      endRound: () => log.endRound(),
      close: () => log.close(),
      commit: (writes) => {
        look()
        log.commit(writes)
        for (const { group, records, head } of writes) {
          const disk = this.#disk(node, group)
          disk.promised = head.promised
          disk.chosenUpTo = head.chosenUpTo
          for (const { instance, ballot } of records) disk.ballots.set(instance, ballot)
        }
      },
    }
  }

  check(node: NodeId, { group, bytes }: SentMessage): void {
    const message = decodeMessage(bytes, 0, bytes.length, BOUNDS)
    const disk = this.#disk(node, group)
    const refuse = (why: string) => this.violations.push(`node ${node} group ${group} ${message.kind}: ${why}`)
    switch (message.kind) {
      case 'prepare':
      case 'promise':
        this.checked++
        if (disk.promised < message.ballot) refuse(`ballot ${message.ballot}, the disk has ${disk.promised}`)
        return
      case 'accepted':
        this.checked++
        if (disk.promised < message.ballot) refuse(`ballot ${message.ballot}, the disk has ${disk.promised}`)
        for (let instance = disk.chosenUpTo + 1; instance <= message.upTo; instance++) {
          if (disk.ballots.get(instance) !== message.ballot) refuse(`record ${instance} is not on disk`)
        }
        return
      case 'accept':
        if (disk.ballots.get(message.instance) !== message.ballot) this.overlapping++
    }
  }

  #disk(node: NodeId, group: GroupIndex): OnDisk {
    const key = `${node}/${group}`
    let disk = this.#disks.get(key)
    if (disk === undefined) {
      disk = { promised: 0, chosenUpTo: 0, ballots: new Map() }
      this.#disks.set(key, disk)
    }
    return disk
  }
}
