import type { GroupIndex, Millis } from '../base/numbers.js'
import { TIMER_KINDS, type TimerKind } from '../core/timers.js'
import { checkRecord, numberOf, wordAt } from './record-kinds.js'

/** Worker to host; replies are in reply-record.ts, status in status-record.ts. EVENT has the head of TUNE. */

/** SEND: u16 group, u16 0, u32 and u32 the mask of peer slots; tail: the protocol message. */
export const SEND_HEAD_BYTES = 12
/** A slot is an index in the ascending list of node ids, so one mask names up to 64 nodes. */
export const MAX_PEER_SLOTS = 64

/** `low` has the slots 0..31, `high` 32..63. The message may be encoded right behind the head, in the ring. */
export function writeSend(view: DataView, offset: number, group: GroupIndex, low: number, high: number): void {
  view.setUint16(offset, group, true)
  view.setUint16(offset + 2, 0, true)
  view.setUint32(offset + 4, low, true)
  view.setUint32(offset + 8, high, true)
}

/** One object per reader, filled again by each record. */
export class SendRecord {
  group: GroupIndex = 0
  low = 0
  high = 0
  /** Of the message, in the record's bytes. */
  offset = 0
  length = 0

  read(view: DataView, offset: number, length: number): void {
    checkRecord(view, offset, length, SEND_HEAD_BYTES)
    this.group = view.getUint16(offset, true)
    this.low = view.getUint32(offset + 4, true)
    this.high = view.getUint32(offset + 8, true)
    this.offset = offset + SEND_HEAD_BYTES
    this.length = length - SEND_HEAD_BYTES
  }

  has(slot: number): boolean {
    return (((slot < 32 ? this.low : this.high) >>> (slot & 31)) & 1) === 1
  }
}

/**
 * How commands of this node ended without a reply of the state machine. `dropped`: given up, may still take effect;
 * `restarted`: the group restarted, may still take effect; `unproposed`: it restarted before it had proposed them, they
 * never will.
 */
export const ENDED_OUTCOMES = ['dropped', 'restarted', 'unproposed'] as const
export type EndedOutcome = (typeof ENDED_OUTCOMES)[number]

/** ENDED: u16 group, u8 outcome, u8 0, u32 count, f64 first sequence. */
export const ENDED_BYTES = 16

export interface Ended {
  readonly group: GroupIndex
  readonly sequence: number
  readonly count: number
  readonly outcome: EndedOutcome
}

export function writeEnded(view: DataView, offset: number, ended: Ended): void {
  view.setUint16(offset, ended.group, true)
  view.setUint16(offset + 2, numberOf(ENDED_OUTCOMES, ended.outcome, 'outcome'), true)
  view.setUint32(offset + 4, ended.count, true)
  view.setFloat64(offset + 8, ended.sequence, true)
}

export function readEnded(view: DataView, offset: number, length: number): Ended {
  checkRecord(view, offset, length, ENDED_BYTES)
  return {
    group: view.getUint16(offset, true),
    sequence: view.getFloat64(offset + 8, true),
    count: view.getUint32(offset + 4, true),
    outcome: wordAt(ENDED_OUTCOMES, view.getUint8(offset + 2), 'outcome'),
  }
}

/** `answered`: `status` says how, as for a command. The others have no tail. */
export const QUERY_OUTCOMES = ['answered', 'no-quorum', 'restarted'] as const
export type QueryOutcome = (typeof QUERY_OUTCOMES)[number]

/** QUERY_REPLY: u16 group, u8 outcome, u8 status, u8 flags, 3 B 0, f64 token; tail: the answer. */
export const QUERY_REPLY_HEAD_BYTES = 16

export interface QueryReplyHead {
  readonly group: GroupIndex
  readonly token: number
  readonly outcome: QueryOutcome
  readonly status: number
  readonly flags: number
}

export function writeQueryReply(view: DataView, offset: number, head: QueryReplyHead): void {
  view.setUint16(offset, head.group, true)
  view.setUint8(offset + 2, numberOf(QUERY_OUTCOMES, head.outcome, 'outcome'))
  view.setUint8(offset + 3, head.status)
  view.setUint32(offset + 4, head.flags & 0xff, true)
  view.setFloat64(offset + 8, head.token, true)
}

/** The answer is in `offset + QUERY_REPLY_HEAD_BYTES .. offset + length`. */
export function readQueryReply(view: DataView, offset: number, length: number): QueryReplyHead {
  checkRecord(view, offset, length, QUERY_REPLY_HEAD_BYTES)
  return {
    group: view.getUint16(offset, true),
    token: view.getFloat64(offset + 8, true),
    outcome: wordAt(QUERY_OUTCOMES, view.getUint8(offset + 2), 'outcome'),
    status: view.getUint8(offset + 3),
    flags: view.getUint8(offset + 4),
  }
}

/** TIMER: u16 group, u8 kind, 5 B 0, f64 delay in milliseconds, -1 to stop. */
export const TIMER_BYTES = 16

export interface TimerSetting {
  readonly group: GroupIndex
  readonly timer: TimerKind
  readonly delayMs: Millis | undefined
}

/** `kind` is the place of the timer in TIMER_KINDS. */
export function writeTimer(
  view: DataView,
  offset: number,
  group: GroupIndex,
  kind: number,
  delayMs: Millis | undefined,
): void {
  view.setUint16(offset, group, true)
  view.setUint16(offset + 2, kind, true)
  view.setUint32(offset + 4, 0, true)
  view.setFloat64(offset + 8, delayMs ?? -1, true)
}

export function readTimer(view: DataView, offset: number, length: number): TimerSetting {
  checkRecord(view, offset, length, TIMER_BYTES)
  const delayMs = view.getFloat64(offset + 8, true)
  return {
    group: view.getUint16(offset, true),
    timer: wordAt(TIMER_KINDS, view.getUint16(offset + 2, true), 'timer'),
    delayMs: delayMs >= 0 ? delayMs : undefined,
  }
}
