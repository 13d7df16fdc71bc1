import type { GroupIndex, Millis, NodeId } from '../base/numbers.js'
import type { VoterId } from '../core/membership.js'
import { HEX64_BYTES, readHex64, writeHex64 } from './hex64.js'
import { checkRecord, numberOf, wordAt } from './record-kinds.js'

/**
 * Host to worker. Deadlines are milliseconds of the monotonic clock; infinite where there is none. A `write…` fills the
 * head at `offset`; the tail, where there is one, begins right behind it. STOP has no content, nor has PORTS, which says that
 * there are messages about ports of the application (port-news.ts).
 */

/** COMMAND: u16 group, u16 machine, u8 flags, 3 B 0, f64 sequence, f64 deadline; tail: the payload. */
export const COMMAND_HEAD_BYTES = 24

export function writeCommand(
  view: DataView,
  offset: number,
  group: GroupIndex,
  machineId: number,
  flags: number,
  sequence: number,
  deadline: Millis,
): void {
  view.setUint16(offset, group, true)
  view.setUint16(offset + 2, machineId, true)
  view.setUint32(offset + 4, flags & 0xff, true)
  view.setFloat64(offset + 8, sequence, true)
  view.setFloat64(offset + 16, deadline, true)
}

/** One object per reader, filled again by each record. */
export class CommandRecord {
  group: GroupIndex = 0
  machineId = 0
  flags = 0
  sequence = 0
  deadline: Millis = 0
  /** Of the payload, in the record's bytes. */
  offset = 0
  length = 0

  read(view: DataView, offset: number, length: number): void {
    checkRecord(view, offset, length, COMMAND_HEAD_BYTES)
    this.group = view.getUint16(offset, true)
    this.machineId = view.getUint16(offset + 2, true)
    this.flags = view.getUint8(offset + 4)
    this.sequence = view.getFloat64(offset + 8, true)
    this.deadline = view.getFloat64(offset + 16, true)
    this.offset = offset + COMMAND_HEAD_BYTES
    this.length = length - COMMAND_HEAD_BYTES
  }
}

/** COMMANDS: u16 group, u16 0, u32 count, f64 sequence of the first, f64 deadline; tail: the body of a run with them. */
export const COMMANDS_HEAD_BYTES = 24

export function writeCommands(
  view: DataView,
  offset: number,
  group: GroupIndex,
  count: number,
  sequence: number,
  deadline: Millis,
): void {
  view.setUint16(offset, group, true)
  view.setUint16(offset + 2, 0, true)
  view.setUint32(offset + 4, count, true)
  view.setFloat64(offset + 8, sequence, true)
  view.setFloat64(offset + 16, deadline, true)
}

/** One object per reader, filled again by each record. */
export class CommandsRecord {
  group: GroupIndex = 0
  count = 0
  sequence = 0
  deadline: Millis = 0
  /** Of the body, in the record's bytes. */
  offset = 0
  length = 0

  read(view: DataView, offset: number, length: number): void {
    checkRecord(view, offset, length, COMMANDS_HEAD_BYTES)
    this.group = view.getUint16(offset, true)
    this.count = view.getUint32(offset + 4, true)
    this.sequence = view.getFloat64(offset + 8, true)
    this.deadline = view.getFloat64(offset + 16, true)
    this.offset = offset + COMMANDS_HEAD_BYTES
    this.length = length - COMMANDS_HEAD_BYTES
  }
}

/** MESSAGE: u16 group, u16 sender, u32 0; tail: the protocol message. */
export const MESSAGE_HEAD_BYTES = 8

export function writeMessage(view: DataView, offset: number, group: GroupIndex, from: NodeId): void {
  view.setUint16(offset, group, true)
  view.setUint16(offset + 2, from, true)
  view.setUint32(offset + 4, 0, true)
}

export class MessageRecord {
  group: GroupIndex = 0
  from: NodeId = 0
  /** Of the message, in the record's bytes. */
  offset = 0
  length = 0

  read(view: DataView, offset: number, length: number): void {
    checkRecord(view, offset, length, MESSAGE_HEAD_BYTES)
    this.group = view.getUint16(offset, true)
    this.from = view.getUint16(offset + 2, true)
    this.offset = offset + MESSAGE_HEAD_BYTES
    this.length = length - MESSAGE_HEAD_BYTES
  }
}

export type Consistency = (typeof CONSISTENCIES)[number]
const CONSISTENCIES = ['quorum', 'local', 'lease'] as const

/** READ: u16 group, u16 machine, u8 flags, u8 consistency, u16 0, f64 token, f64 deadline; tail: the query. */
export const READ_HEAD_BYTES = 24

export interface ReadHead {
  readonly group: GroupIndex
  /** Comes back with the answer. */
  readonly token: number
  readonly machineId: number
  readonly flags: number
  readonly consistency: Consistency
  readonly deadline: Millis
}

export function writeRead(view: DataView, offset: number, head: ReadHead): void {
  view.setUint16(offset, head.group, true)
  view.setUint16(offset + 2, head.machineId, true)
  view.setUint8(offset + 4, head.flags)
  view.setUint8(offset + 5, numberOf(CONSISTENCIES, head.consistency, 'consistency'))
  view.setUint16(offset + 6, 0, true)
  view.setFloat64(offset + 8, head.token, true)
  view.setFloat64(offset + 16, head.deadline, true)
}

/** The query is in `offset + READ_HEAD_BYTES .. offset + length`. */
export function readRead(view: DataView, offset: number, length: number): ReadHead {
  checkRecord(view, offset, length, READ_HEAD_BYTES)
  return {
    group: view.getUint16(offset, true),
    token: view.getFloat64(offset + 8, true),
    machineId: view.getUint16(offset + 2, true),
    flags: view.getUint8(offset + 4),
    consistency: wordAt(CONSISTENCIES, view.getUint8(offset + 5), 'consistency'),
    deadline: view.getFloat64(offset + 16, true),
  }
}

/** LINK, for all groups of the worker: u16 peer, u8 up, 5 B 0, 8 B voter id. */
export const LINK_BYTES = 8 + HEX64_BYTES

export interface Link {
  readonly peer: NodeId
  readonly up: boolean
  readonly voterId: VoterId
}

export function writeLink(view: DataView, bytes: Uint8Array, offset: number, link: Link): void {
  view.setUint16(offset, link.peer, true)
  view.setUint16(offset + 2, link.up ? 1 : 0, true)
  view.setUint32(offset + 4, 0, true)
  writeHex64(bytes, offset + 8, link.voterId)
}

export function readLink(view: DataView, bytes: Uint8Array, offset: number, length: number): Link {
  checkRecord(view, offset, length, LINK_BYTES)
  const up = view.getUint8(offset + 2) === 1
  return { peer: view.getUint16(offset, true), up, voterId: readHex64(bytes, offset + 8) }
}

/** TUNE and EVENT: u16 group (or ALL_GROUPS), u16 0; tail: cbor, as `encodeDetail` makes it. */
export const GROUP_HEAD_BYTES = 4

export function writeGroupHead(view: DataView, offset: number, group: GroupIndex): void {
  view.setUint16(offset, group, true)
  view.setUint16(offset + 2, 0, true)
}

export function readGroupHead(view: DataView, offset: number, length: number): GroupIndex {
  checkRecord(view, offset, length, GROUP_HEAD_BYTES)
  return view.getUint16(offset, true)
}
