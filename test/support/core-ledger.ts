import type { Ballot, Instance, NodeId } from '../../src/base/numbers.js'
import { ballotRound } from '../../src/core/ballot.js'
import type { Value } from '../../src/core/command-run.js'
import type { Head, LogRecord } from '../../src/core/durable.js'
import {
  acceptedIsCovered,
  ballotUsedOnce,
  chainsAgree,
  chosenIsCovered,
  chosenOnce,
  chosenOnlyGrows,
  prepareIsCovered,
  promiseIsCovered,
  promiseOnlyGrows,
  proposesOnce,
  type ReplicaView,
  tailIsContiguous,
  votesOnce,
} from '../../src/core/invariants.js'
import type { Message } from '../../src/core/messages.js'
import type { TestDisk } from './core-disk.js'
import { testValues } from './core-values.js'

interface BallotVotes {
  readonly value: Value
  voters: number
}

/**
 * What an observer who sees every disk at once would know of one group: who voted for what, and so, what is chosen.
 * The nodes never see it; it is what their knowledge is held against.
 */
export class Ledger {
  /** All instances up to this one are chosen. */
  chosenUpTo: Instance = 0
  private readonly votes: Map<Ballot, BallotVotes>[] = []
  private readonly chosen: ({ readonly ballot: Ballot; readonly value: Value } | undefined)[] = []
  private readonly chains: number[] = [0]
  private readonly proposals = new Map<number, Value>()
  private readonly ballotLives = new Map<Ballot, number>()
  private readonly majority: number

  constructor(voters: number) {
    this.majority = Math.floor(voters / 2) + 1
  }

  value(instance: Instance): Value | undefined {
    return this.chosen[instance]?.value
  }

  /** The checksum chain of all that is chosen up to `instance`. */
  chain(instance: Instance): number | undefined {
    return this.chains[instance]
  }

  /** Writes one commit to a disk, and checks what became durable by it. */
  commit(node: NodeId, disk: TestDisk, records: readonly LogRecord[], head: Head): void {
    promiseOnlyGrows(node, disk.head.promised, head.promised)
    chosenOnlyGrows(node, disk.head.chosenUpTo, head.chosenUpTo)
    disk.write(records, head)
    for (const record of records) {
      if (record.ballot > 0) this.vote(node, record)
    }
    tailIsContiguous(node, head, (instance) => disk.record(instance))
    for (const record of records) {
      if (record.ballot === 0) this.knows(node, record.instance, record.value)
    }
    const chain = this.chains[head.chosenUpTo]
    if (chain !== undefined) chainsAgree(node, head.chosenUpTo, chain, head.chain)
  }

  /** A node takes `value` as chosen. */
  knows(node: NodeId, instance: Instance, value: Value): void {
    const chosen = this.chosen[instance]
    if (chosen) chosenOnce(instance, chosen.value, value, `node ${node}`)
    else throw new Error(`rule 1: node ${node} takes instance ${instance} as chosen, which no majority holds`)
  }

  /** Checks a message at the moment in which the core lets it go. */
  sent(view: ReplicaView, life: number, message: Message, disk: TestDisk): void {
    switch (message.kind) {
      case 'prepare':
        prepareIsCovered(view.nodeId, message, disk.head)
        this.uses(view.nodeId, life, message.ballot)
        return
      case 'promise':
        promiseIsCovered(view.nodeId, message, disk.head)
        return
      case 'accepted':
        acceptedIsCovered(view, message, disk.head, (instance) => disk.record(instance))
        return
      case 'accept': {
        this.uses(view.nodeId, life, message.ballot)
        const key = message.instance * 1e9 + ballotRound(message.ballot) * 64 + view.nodeId
        proposesOnce(view.nodeId, message, this.proposals.get(key))
        this.proposals.set(key, message.value)
        chosenIsCovered(view, message)
        return
      }
      case 'chosen':
        chosenIsCovered(view, message)
        return
      default:
    }
  }

  private uses(node: NodeId, life: number, ballot: Ballot): void {
    const first = this.ballotLives.get(ballot)
    if (first === undefined) this.ballotLives.set(ballot, life)
    else ballotUsedOnce(node, first, life)
  }

  private vote(node: NodeId, record: LogRecord): void {
    const { instance, ballot, value } = record
    let votes = this.votes[instance]
    if (!votes) {
      votes = new Map()
      this.votes[instance] = votes
    }
    let held = votes.get(ballot)
    if (held) votesOnce(node, instance, held.value, value)
    else {
      held = { value, voters: 0 }
      votes.set(ballot, held)
    }
    // One bit a voter: node ids in tests are small.
    held.voters |= 1 << node
    const chosen = this.chosen[instance]
    // A vote above the ballot of a choice carries what was chosen: the heart of Paxos, seen long before two nodes differ.
    if (chosen && ballot > chosen.ballot) chosenOnce(instance, chosen.value, value, `the ballot of node ${node}`)
    if (bits(held.voters) >= this.majority) this.choose(instance, ballot, value, node)
  }

  private choose(instance: Instance, ballot: Ballot, value: Value, node: NodeId): void {
    const before = this.chosen[instance]
    if (before) {
      chosenOnce(instance, before.value, value, `the majority that node ${node} completes`)
      if (ballot < before.ballot) this.chosen[instance] = { ballot, value }
      return
    }
    this.chosen[instance] = { ballot, value }
    for (;;) {
      const next = this.chosen[this.chosenUpTo + 1]
      if (!next) return
      this.chains.push(testValues.checksum(next.value, this.chains[this.chosenUpTo] as number))
      this.chosenUpTo++
    }
  }
}

function bits(mask: number): number {
  let count = 0
  for (let rest = mask; rest !== 0; rest &= rest - 1) count++
  return count
}
