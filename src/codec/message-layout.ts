import { WHOLE_BYTES } from './integers.js'

/**
 * Every message begins with
 *
 *   byte 0   u8    kind, below
 *   byte 1   u8    small: `hops` of a forward, `done` of a learned; else 0
 *   byte 2   u16   0
 *   byte 4   u32   word: the chain of chosen and status, `want` of a learn, the id of offer and fetch, the bytes of an accept's value or
 *                  of a part, the count of what another message carries; else 0
 *   byte 8   whole numbers, as many as the kind has, in the order of their fields in core/messages.ts
 *
 * and then has what it carries, up to its end: one value (accept), runs (forward), bytes (part), or values with a header each.
 * A kind's number is never used again for another meaning; a new field is a new protocol version.
 */
export const MESSAGE_HEADER_BYTES = 8

export const KIND = {
  probe: 1,
  free: 2,
  busy: 3,
  prepare: 4,
  promise: 5,
  behind: 6,
  nack: 7,
  accept: 8,
  accepted: 9,
  gap: 10,
  chosen: 11,
  learn: 12,
  learned: 13,
  'learn-ack': 14,
  forward: 15,
  redirect: 16,
  'ask-read-point': 17,
  'read-point': 18,
  status: 19,
  offer: 20,
  fetch: 21,
  part: 22,
} as const

/** Of the kinds by number: how many whole numbers follow the header. */
export const WHOLES: readonly number[] = wholes({
  [KIND.probe]: 1,
  [KIND.free]: 3,
  [KIND.busy]: 2,
  [KIND.prepare]: 3,
  [KIND.promise]: 4,
  [KIND.behind]: 2,
  [KIND.nack]: 2,
  [KIND.accept]: 5,
  [KIND.accepted]: 4,
  [KIND.gap]: 2,
  [KIND.chosen]: 2,
  [KIND.learn]: 2,
  [KIND.learned]: 3,
  [KIND['learn-ack']]: 2,
  [KIND.forward]: 0,
  [KIND.redirect]: 1,
  [KIND['ask-read-point']]: 1,
  [KIND['read-point']]: 3,
  [KIND.status]: 3,
  [KIND.offer]: 4,
  [KIND.fetch]: 3,
  [KIND.part]: 2,
})

/** Of the kinds by number: which of those whole numbers are ballots that somebody has promised, leads at, or campaigns at. */
export const BALLOTS: readonly (readonly number[])[] = Array.from({ length: WHOLES.length }, (_, kind) => {
  switch (kind) {
    case KIND.behind:
    case KIND.gap:
    case KIND.chosen:
    case KIND.redirect:
      return [0]
    case KIND.free:
    case KIND.busy:
    case KIND.prepare:
    case KIND.promise:
    case KIND.accept:
    case KIND.accepted:
      return [1]
    case KIND.nack:
      return [0, 1]
    case KIND.status:
      return [2]
    default:
      return []
  }
})

export type KindNumber = (typeof KIND)[keyof typeof KIND]

function wholes(table: Readonly<Record<KindNumber, number>>): readonly number[] {
  const list: number[] = [-1]
  for (const [kind, count] of Object.entries(table)) list[Number(kind)] = count
  return list
}

/** Bytes of the fixed part of a message: header and whole numbers. */
export function fixedSize(kind: number): number {
  return MESSAGE_HEADER_BYTES + WHOLES[kind]! * WHOLE_BYTES
}

/** In front of each value of a promise: instance, ballot, recoveredTo, version; u32 length, u32 0. */
export const RECORD_IN_PROMISE_BYTES = 4 * WHOLE_BYTES + 8

/** In front of each value of a learned: u32 length, u32 0. */
export const VALUE_IN_LEARNED_BYTES = 8
