import type { Ballot, GroupIndex, Instance, MembershipVersion } from '../base/numbers.js'
import { checkRecord, numberOf, wordAt } from './record-kinds.js'

/** STATUS: what the host knows of a group without asking. Written when something changed, at most once a round. */
export interface GroupStatus {
  readonly group: GroupIndex
  readonly state: GroupState
  readonly chosenUpTo: Instance
  readonly lastAccepted: Instance
  readonly executedUpTo: Instance
  readonly firstKept: Instance
  /** Of the newest checkpoint; 0: there is none. */
  readonly checkpoint: Instance
  /** Ballot of the leader in sight; 0 if none. */
  readonly leader: Ballot
  readonly membershipVersion: MembershipVersion
  /** Checksum chain at `chosenUpTo`. */
  readonly chain: number
  /** Digest of the results up to and with instance `digestAt`. */
  readonly digest: number
  readonly digestAt: Instance
  /** Commands: waiting to be proposed, and instances in flight. */
  readonly waiting: number
  readonly inFlight: number
  readonly waitingBytes: number
  /** Since the start of the worker. */
  readonly executedCommands: number
  readonly commits: number
  readonly commitMicros: number
}

export const GROUP_STATES = [
  'starting',
  'running',
  'catching-up',
  'restarting',
  'stalled',
  'failed',
  'stopped',
] as const
export type GroupState = (typeof GROUP_STATES)[number]

/** u16 group, u16 state, u32 chain, u32 digest, u32 waiting, u32 in flight, u32 0, then f64 each in this order. */
const FLOATS = [
  'chosenUpTo',
  'lastAccepted',
  'executedUpTo',
  'firstKept',
  'checkpoint',
  'leader',
  'membershipVersion',
  'digestAt',
  'waitingBytes',
  'executedCommands',
  'commits',
  'commitMicros',
] as const satisfies (keyof GroupStatus)[]
const FLOATS_AT = 24

export const STATUS_BYTES = FLOATS_AT + FLOATS.length * 8

export function writeStatus(view: DataView, offset: number, status: GroupStatus): void {
  view.setUint16(offset, status.group, true)
  view.setUint16(offset + 2, numberOf(GROUP_STATES, status.state, 'state'), true)
  view.setUint32(offset + 4, status.chain, true)
  view.setUint32(offset + 8, status.digest, true)
  view.setUint32(offset + 12, status.waiting, true)
  view.setUint32(offset + 16, status.inFlight, true)
  view.setUint32(offset + 20, 0, true)
  for (let i = 0; i < FLOATS.length; i++) view.setFloat64(offset + FLOATS_AT + i * 8, status[FLOATS[i]!], true)
}

export function readStatus(view: DataView, offset: number, length: number): GroupStatus {
  checkRecord(view, offset, length, STATUS_BYTES)
  const float = (name: (typeof FLOATS)[number]) => view.getFloat64(offset + FLOATS_AT + FLOATS.indexOf(name) * 8, true)
  return {
    group: view.getUint16(offset, true),
    state: wordAt(GROUP_STATES, view.getUint16(offset + 2, true), 'state'),
    chain: view.getUint32(offset + 4, true),
    digest: view.getUint32(offset + 8, true),
    waiting: view.getUint32(offset + 12, true),
    inFlight: view.getUint32(offset + 16, true),
    chosenUpTo: float('chosenUpTo'),
    lastAccepted: float('lastAccepted'),
    executedUpTo: float('executedUpTo'),
    firstKept: float('firstKept'),
    checkpoint: float('checkpoint'),
    leader: float('leader'),
    membershipVersion: float('membershipVersion'),
    digestAt: float('digestAt'),
    waitingBytes: float('waitingBytes'),
    executedCommands: float('executedCommands'),
    commits: float('commits'),
    commitMicros: float('commitMicros'),
  }
}
