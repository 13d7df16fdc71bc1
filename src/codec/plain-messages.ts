import type { Accept, Accepted, Fetch, Forward, Learned, Message, Offer, Part, Promised } from '../core/messages.js'
import { fail } from './codec-error.js'
import { checkUnused, field, wordOf, writeFixed } from './message-fields.js'
import { fixedSize, KIND } from './message-layout.js'

/** The messages that are only numbers. */
export type PlainMessage = Exclude<Message, Accept | Forward | Learned | Part | Promised>

const USES_WORD: ReadonlySet<number> = new Set([KIND.chosen, KIND.status, KIND.learn, KIND.offer, KIND.fetch])
const WANTS = ['stream', 'once', 'checkpoint', 'log'] as const

/** Returns the offset behind the message. The kinds of the steady state come first. */
export function writePlain(message: PlainMessage, bytes: Uint8Array, at: number): number {
  switch (message.kind) {
    case 'accepted':
      return writeAccepted(message, bytes, at)
    case 'chosen':
      return writeFixed(bytes, at, KIND.chosen, message.chain, message.ballot, message.upTo)
    case 'probe':
      return writeFixed(bytes, at, KIND.probe, 0, message.probe)
    case 'free':
      return writeFixed(bytes, at, KIND.free, 0, message.probe, message.promised, message.chosenUpTo)
    case 'busy':
      return writeFixed(bytes, at, KIND.busy, 0, message.probe, message.ballot)
    case 'prepare':
      return writeFixed(bytes, at, KIND.prepare, 0, message.version, message.ballot, message.from)
    case 'behind':
      return writeFixed(bytes, at, KIND.behind, 0, message.ballot, message.chosenUpTo)
    case 'nack':
      return writeFixed(bytes, at, KIND.nack, 0, message.ballot, message.promised)
    case 'gap':
      return writeFixed(bytes, at, KIND.gap, 0, message.ballot, message.next)
    case 'learn':
      return writeFixed(bytes, at, KIND.learn, WANTS.indexOf(message.want), message.session, message.from)
    case 'learn-ack':
      return writeFixed(bytes, at, KIND['learn-ack'], 0, message.session, message.upTo)
    case 'redirect':
      return writeFixed(bytes, at, KIND.redirect, 0, message.ballot)
    case 'ask-read-point':
      return writeFixed(bytes, at, KIND['ask-read-point'], 0, message.round)
    case 'read-point':
      return writeFixed(bytes, at, KIND['read-point'], 0, message.version, message.round, message.point)
    case 'status':
      return writeFixed(bytes, at, KIND.status, message.chain, message.chosenUpTo, message.lastAccepted, message.leader)
    case 'offer':
      return writeOffer(message, bytes, at)
    case 'fetch':
      return writeFixed(bytes, at, KIND.fetch, message.id, message.session, message.instance, message.part)
  }
}

/** `at` is the first byte of a message of a known kind with its fixed part complete. */
export function readPlain(bytes: Uint8Array, at: number, length: number): PlainMessage {
  const number = bytes[at]!
  if (length !== fixedSize(number)) fail('MALFORMED', 'bytes behind a message')
  checkUnused(bytes, at, false, USES_WORD.has(number))
  switch (number) {
    case KIND.accepted:
      return acceptedOf(bytes, at)
    case KIND.chosen:
      return { kind: 'chosen', ballot: field(bytes, at, 0), upTo: field(bytes, at, 1), chain: wordOf(bytes, at) }
    case KIND.probe:
      return { kind: 'probe', probe: field(bytes, at, 0) }
    case KIND.free:
      return freeOf(bytes, at)
    case KIND.busy:
      return { kind: 'busy', probe: field(bytes, at, 0), ballot: field(bytes, at, 1) }
    case KIND.prepare:
      return { kind: 'prepare', version: field(bytes, at, 0), ballot: field(bytes, at, 1), from: field(bytes, at, 2) }
    case KIND.behind:
      return { kind: 'behind', ballot: field(bytes, at, 0), chosenUpTo: field(bytes, at, 1) }
    case KIND.nack:
      return { kind: 'nack', ballot: field(bytes, at, 0), promised: field(bytes, at, 1) }
    case KIND.gap:
      return { kind: 'gap', ballot: field(bytes, at, 0), next: field(bytes, at, 1) }
    case KIND.learn:
      return learnOf(bytes, at)
    case KIND['learn-ack']:
      return { kind: 'learn-ack', session: field(bytes, at, 0), upTo: field(bytes, at, 1) }
    case KIND.redirect:
      return { kind: 'redirect', ballot: field(bytes, at, 0) }
    case KIND['ask-read-point']:
      return { kind: 'ask-read-point', round: field(bytes, at, 0) }
    case KIND['read-point']:
      return readPointOf(bytes, at)
    case KIND.status:
      return statusOf(bytes, at)
    case KIND.offer:
      return offerOf(bytes, at)
    case KIND.fetch:
      return fetchOf(bytes, at)
    default:
      return fail('UNKNOWN_KIND', `unknown message kind ${number}`)
  }
}

function writeAccepted(message: Accepted, bytes: Uint8Array, at: number): number {
  const { version, ballot, chosenUpTo, upTo } = message
  return writeFixed(bytes, at, KIND.accepted, 0, version, ballot, chosenUpTo, upTo)
}

function acceptedOf(bytes: Uint8Array, at: number): Accepted {
  const [version, ballot] = [field(bytes, at, 0), field(bytes, at, 1)]
  return { kind: 'accepted', version, ballot, chosenUpTo: field(bytes, at, 2), upTo: field(bytes, at, 3) }
}

function learnOf(bytes: Uint8Array, at: number): PlainMessage {
  const want = WANTS[wordOf(bytes, at)]
  if (want === undefined) fail('MALFORMED', 'unknown bits in a learn')
  return { kind: 'learn', session: field(bytes, at, 0), from: field(bytes, at, 1), want }
}

function freeOf(bytes: Uint8Array, at: number): PlainMessage {
  const [probe, promised, chosenUpTo] = [field(bytes, at, 0), field(bytes, at, 1), field(bytes, at, 2)]
  return { kind: 'free', probe, promised, chosenUpTo }
}

function readPointOf(bytes: Uint8Array, at: number): PlainMessage {
  const [version, round, point] = [field(bytes, at, 0), field(bytes, at, 1), field(bytes, at, 2)]
  return { kind: 'read-point', version, round, point }
}

function statusOf(bytes: Uint8Array, at: number): PlainMessage {
  const [chosenUpTo, lastAccepted, leader] = [field(bytes, at, 0), field(bytes, at, 1), field(bytes, at, 2)]
  return { kind: 'status', chosenUpTo, lastAccepted, chain: wordOf(bytes, at), leader }
}

function writeOffer(message: Offer, bytes: Uint8Array, at: number): number {
  const { id, session, instance, manifestBytes, dataBytes } = message
  return writeFixed(bytes, at, KIND.offer, id, session, instance, manifestBytes, dataBytes)
}

function offerOf(bytes: Uint8Array, at: number): Offer {
  const [session, instance] = [field(bytes, at, 0), field(bytes, at, 1)]
  const [manifestBytes, dataBytes] = [field(bytes, at, 2), field(bytes, at, 3)]
  return { kind: 'offer', session, instance, id: wordOf(bytes, at), manifestBytes, dataBytes }
}

function fetchOf(bytes: Uint8Array, at: number): Fetch {
  const [session, instance, part] = [field(bytes, at, 0), field(bytes, at, 1), field(bytes, at, 2)]
  return { kind: 'fetch', session, instance, id: wordOf(bytes, at), part }
}
