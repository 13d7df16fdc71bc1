import { assert } from '../base/assert.js'
import type { Ballot, Instance, NodeId } from '../base/numbers.js'
import { ballotNode } from './ballot.js'
import type { Value } from './command-run.js'
import type { AcceptedRecord, Head, LogRecord } from './durable.js'
import type { Input } from './input.js'
import type { Accept, Accepted, Chosen, Message, Prepare, Promised } from './messages.js'

/**
 * What must always hold (protocol.md, last section): one rule, one commented function. They take plain views, so that
 * explorer, simulator and a running group check the same lines. The number is the rule's number there; rules without
 * one follow from the roles.
 */

/** What a check can see of one node in one moment. */
export interface ReplicaView {
  readonly nodeId: NodeId
  readonly promised: Ballot
  readonly chosenUpTo: Instance
  readonly executedUpTo: Instance
  readonly lastAccepted: Instance
}

/** Looks an accepted record up in what is durable at that moment. */
export type DurableRecord = (instance: Instance) => AcceptedRecord | undefined

function sameBytes(a: Value, b: Value): boolean {
  if (a === b) return true
  if (a.length !== b.length) return false
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false
  return true
}

/** 1 and 2: two nodes never choose different values for an instance, and what was chosen never changes. */
export function chosenOnce(instance: Instance, chosen: Value, now: Value, who: string): void {
  assert(sameBytes(chosen, now), `rule 1/2: instance ${instance} was chosen with another value than ${who} holds`)
}

/** 1: a node knows chosen only what a majority holds, durably, at one ballot. */
export function knowsOnlyChosen(node: NodeId, chosenUpTo: Instance, trulyChosenUpTo: Instance): void {
  assert(
    chosenUpTo <= trulyChosenUpTo,
    `rule 1: node ${node} takes ${chosenUpTo} as chosen, but only ${trulyChosenUpTo} is held by a majority at one ballot`,
  )
}

/** 3: executed sequences are prefixes of one another: the n-th execution is the same run everywhere. */
export function executesTheSame(node: NodeId, position: string, expected: string, got: string): void {
  assert(expected === got, `rule 3: node ${node} executes ${got} at ${position}, another node executed ${expected}`)
}

/** 4: an acknowledged command is among the executed ones. */
export function acknowledgedSurvives(command: string, executed: boolean): void {
  assert(executed, `rule 4: ${command} was acknowledged and is lost`)
}

/** 5: no command is executed twice on one replica's state. */
export function executesOnce(node: NodeId, command: string, before: boolean): void {
  assert(!before, `rule 5: node ${node} executes ${command} a second time`)
}

/** 6: a read sees every command acknowledged before it was asked for, and all that an earlier read saw. */
export function readIsFresh(node: NodeId, seen: number, wanted: number): void {
  assert(seen >= wanted, `rule 6: a read at node ${node} sees ${seen} commands, ${wanted} were visible before it began`)
}

/** 8: chains agree: the checksum of all values up to an instance is the same on every node. */
export function chainsAgree(node: NodeId, instance: Instance, expected: number, got: number): void {
  assert(expected === got, `rule 8: chain of node ${node} at ${instance} is ${got}, not ${expected}`)
}

/**
 * 9: accepted records are contiguous above `chosenUpTo`. Their ballots never rise along the tail (a record was taken
 * only behind one of its own ballot), and none is above the promise.
 */
export function tailIsContiguous(node: NodeId, head: Head, record: DurableRecord): void {
  let above = head.promised
  for (let i = head.chosenUpTo + 1; i <= head.lastAccepted; i++) {
    const held = record(i)
    assert(held !== undefined, `rule 9: node ${node} holds no record ${i}, yet its tail goes to ${head.lastAccepted}`)
    assert(held.ballot <= above, `rule 9: node ${node} holds ${i} at a ballot above the promise or the record before`)
    assert(held.ballot > 0, `rule 9: node ${node} holds ${i} as learned, above its durable chosenUpTo`)
    above = held.ballot
  }
}

/** 10: no voter, in any life, votes for two values at one ballot and instance; nor do two voters. */
export function votesOnce(node: NodeId, instance: Instance, before: Value, now: Value): void {
  assert(sameBytes(before, now), `rule 10: node ${node} votes for a second value at one ballot in instance ${instance}`)
}

/** Positions are ordered: executed <= chosen <= accepted. */
export function positionsAreOrdered(view: ReplicaView): void {
  const { nodeId, executedUpTo, chosenUpTo, lastAccepted } = view
  assert(executedUpTo <= chosenUpTo, `node ${nodeId} executed ${executedUpTo}, chosen is ${chosenUpTo}`)
  assert(chosenUpTo <= lastAccepted, `node ${nodeId} has chosen ${chosenUpTo}, accepted ${lastAccepted}`)
}

/** The promise only grows, across every life of the voter. */
export function promiseOnlyGrows(node: NodeId, before: Ballot, after: Ballot): void {
  assert(after >= before, `the promise of node ${node} sinks from ${before} to ${after}`)
}

/**
 * Only three things move the promise: a prepare that is not too old, an accepted record, and the own campaign. A refused
 * accept (`GAP`), a candidate that must learn first (`BEHIND`), and everything learned leave it where it is.
 */
export function promiseMovesFor(
  { nodeId, promised, chosenUpTo }: ReplicaView,
  before: Ballot,
  input: Input,
  stored: readonly LogRecord[],
): void {
  promiseOnlyGrows(nodeId, before, promised)
  if (ballotNode(promised) === nodeId) return
  const message = input.kind === 'message' ? input.message : undefined
  const moves =
    message?.kind === 'prepare'
      ? message.ballot === promised && message.from > chosenUpTo
      : message?.kind === 'accept' && stored.some(({ ballot }) => ballot === promised)
  assert(moves, `node ${nodeId} raises its promise to ${promised} by a refused ${message?.kind ?? input.kind}`)
}

/**
 * A new leader proposes again what its prepare reported, and nothing dead: a record below the highest ballot reported,
 * above what that ballot had recovered, was never chosen and can no longer be.
 */
export function recoversOnlyTheLiving(node: NodeId, { recoveredTo, ballot }: Accept, livingUpTo: Instance): void {
  assert(
    recoveredTo <= livingUpTo,
    `node ${node} proposes again up to ${recoveredTo} at ballot ${ballot}, what is above ${livingUpTo} is dead`,
  )
}

/** 11: a new leader keeps no such dead record itself: it would lie above all it proposes, and nobody would complete it. */
export function leaderKeepsNothingDead(node: NodeId, lastAccepted: Instance, livingUpTo: Instance): void {
  assert(
    lastAccepted <= livingUpTo,
    `rule 11: node ${node} leads and holds ${lastAccepted}, above ${livingUpTo} all is dead`,
  )
}

/** No damaged or empty node votes: one whose disk is not the one that the membership names promises and accepts nothing. */
export function onlyVotersAnswer(node: NodeId, isVoter: boolean, { kind }: Message): void {
  const votes = kind === 'prepare' || kind === 'promise' || kind === 'accept' || kind === 'accepted'
  assert(isVoter || !votes, `node ${node} sends ${kind}, and its disk is not that of a voter`)
}

/** 12: what is accepted and not known chosen stays within the window of one leader. */
export function tailIsBounded({ nodeId, lastAccepted, chosenUpTo }: ReplicaView, window: number): void {
  const open = lastAccepted - chosenUpTo
  assert(open <= window, `rule 12: node ${nodeId} holds ${open} accepted records that it does not know chosen`)
}

/** What is known chosen only grows: within a life, and on disk. */
export function chosenOnlyGrows(node: NodeId, before: Instance, after: Instance): void {
  assert(after >= before, `chosenUpTo of node ${node} sinks from ${before} to ${after}`)
}

/** Durability 1: own promise of `b` before PREPARE(b); and a ballot belongs to the node it names. */
export function prepareIsCovered(node: NodeId, message: Prepare, durable: Head): void {
  assert(ballotNode(message.ballot) === node, `node ${node} prepares a ballot of another node`)
  assert(durable.promised >= message.ballot, `node ${node} sends PREPARE before its own promise is durable`)
}

/** A ballot is used by one incarnation of one node only. */
export function ballotUsedOnce(node: NodeId, firstLife: number, life: number): void {
  assert(firstLife === life, `node ${node} uses in life ${life} a ballot of its life ${firstLife}`)
}

/** Durability 2: a raised promise before PROMISE(b); it reports what was accepted below b, without a hole. */
export function promiseIsCovered(node: NodeId, message: Promised, durable: Head): void {
  assert(durable.promised >= message.ballot, `node ${node} sends PROMISE before its promise is durable`)
  let next = message.from
  for (const record of message.records) {
    assert(record.instance === next++, `node ${node} reports accepted records with a hole`)
    assert(record.ballot <= message.ballot, `node ${node} reports a record above the ballot it promises`)
  }
}

/**
 * Durability 3: accepted records with their promise before ACCEPTED. One that covers nothing above what is chosen here
 * says nothing that a promise would have to hold up.
 */
export function acceptedIsCovered(view: ReplicaView, message: Accepted, durable: Head, record: DurableRecord): void {
  if (message.upTo <= view.chosenUpTo) return
  assert(durable.promised >= message.ballot, `node ${view.nodeId} sends ACCEPTED before its promise is durable`)
  for (let i = view.chosenUpTo + 1; i <= message.upTo; i++) {
    assert(
      record(i)?.ballot === message.ballot,
      `node ${view.nodeId} sends ACCEPTED up to ${message.upTo}, but ${i} is not durable at that ballot`,
    )
  }
}

/** A leader proposes one value per ballot and instance, whatever it lost in between, and only with its own ballot. */
export function proposesOnce(node: NodeId, message: Accept, before: Value | undefined): void {
  assert(ballotNode(message.ballot) === node, `node ${node} sends ACCEPT with a ballot of another node`)
  if (before) assert(sameBytes(before, message.value), `node ${node} proposes two values at one ballot`)
}

/** CHOSEN covers what its sender knows chosen, nothing more. */
export function chosenIsCovered(view: ReplicaView, message: Chosen | Accept): void {
  const upTo = message.kind === 'chosen' ? message.upTo : message.chosenUpTo
  assert(upTo <= view.chosenUpTo, `node ${view.nodeId} announces ${upTo} as chosen, it knows ${view.chosenUpTo}`)
}

/**
 * 3: a saved state, a checkpoint, and the state a group begins with are what a replica holds that executed every
 * instance up to their position: the runs, the sessions, and the chain of the values they were made of.
 */
export function stateIsOfItsPosition(
  node: NodeId,
  executedUpTo: Instance,
  what: string,
  expected: number | undefined,
  got: number,
): void {
  assert(
    expected === got,
    `rule 3: the state of node ${node} says that it stands at ${executedUpTo}, with ${what} ${got}, not ${expected}`,
  )
}

/** 5: a replica goes on where its state stands: on one state nothing is executed twice, and nothing is left out. */
export function goesOnWhereItStands(node: NodeId, executedUpTo: Instance, instance: Instance): void {
  assert(
    instance === executedUpTo + 1,
    `rule 5: node ${node} executes instance ${instance} on a state that stands at ${executedUpTo}`,
  )
}

/** The state on disk is never ahead of the log on disk: a restart would have nothing to say how it came about. */
export function stateFollowsLog(node: NodeId, executedUpTo: Instance, chosenUpTo: Instance): void {
  assert(
    executedUpTo <= chosenUpTo,
    `the state of node ${node} is saved at ${executedUpTo}, its log on disk knows ${chosenUpTo} chosen`,
  )
}

/** Nothing is trimmed that no checkpoint on the same disk covers. */
export function trimmedIsCovered(node: NodeId, firstKept: Instance, coveredUpTo: Instance): void {
  assert(
    firstKept <= coveredUpTo + 1,
    `node ${node} trims its log below ${firstKept}, and its checkpoints cover ${coveredUpTo}`,
  )
}

/** Nor what a peer that catches up still needs, as long as that is within the bound on what is kept for peers. */
export function trimWaitsForPeers(node: NodeId, firstKept: Instance, needed: Instance): void {
  assert(firstKept <= needed, `node ${node} trims its log below ${firstKept}, a peer that catches up needs ${needed}`)
}

/** The parts of a checkpoint are handed to the disk in order, each once, as they were offered. */
export function partFollows(node: NodeId, wanted: number, part: number, expected: Value | undefined, got: Value): void {
  assert(part === wanted, `node ${node} stores part ${part} of a checkpoint, the next one is ${wanted}`)
  assert(expected !== undefined && sameBytes(expected, got), `node ${node} stores a part ${part} of another checkpoint`)
}

/** A load begins when all parts are here, not before. */
export function loadsOnlyWhole(node: NodeId, instance: Instance, isWhole: boolean): void {
  assert(isWhole, `node ${node} loads a checkpoint of instance ${instance} of which it does not have all parts`)
}

/**
 * A load takes nothing back: neither the promise, nor what is known chosen, nor what is accepted above the checkpoint.
 * The log begins behind it.
 */
export function loadKeepsVotes(node: NodeId, instance: Instance, before: Head, after: Head): void {
  assert(after.promised === before.promised, `a load moves the promise of node ${node} to ${after.promised}`)
  chosenOnlyGrows(node, before.chosenUpTo, after.chosenUpTo)
  const lastAccepted = Math.max(before.lastAccepted, instance)
  assert(
    after.chosenUpTo === Math.max(before.chosenUpTo, instance) && after.lastAccepted === lastAccepted,
    `node ${node} loads a checkpoint of ${instance}, and has chosen ${after.chosenUpTo}, accepted ${after.lastAccepted}`,
  )
  assert(after.firstKept > instance, `node ${node} keeps its log from ${after.firstKept} under a state of ${instance}`)
}

/** A group whose log does not go on where its state stands loads a checkpoint of its own disk that helps, if there is one. */
export function helpsItself(node: NodeId, helpful: Instance | undefined, loads: boolean): void {
  assert(loads || helpful === undefined, `node ${node} is stranded, and does not load its own checkpoint of ${helpful}`)
}

/** Who has a session asks for no other. */
export function asksForOneSession(node: NodeId, opened: Instance): void {
  assert(opened === 0, `node ${node} asks for a session, and has the one of instance ${opened}`)
}
