import type { Message } from '../core/messages.js'
import {
  carriedSize,
  readAccept,
  readForward,
  readLearned,
  readPart,
  readPromise,
  writeAccept,
  writeForward,
  writeLearned,
  writePart,
  writePromise,
} from './carrying-messages.js'
import { fail } from './codec-error.js'
import type { Limits } from './limits.js'
import { checkBallots } from './message-fields.js'
import { BALLOTS, fixedSize, KIND, WHOLES } from './message-layout.js'
import { readPlain, writePlain } from './plain-messages.js'

/** Bytes of `message` as `encodeMessage` writes it. */
export function encodedSize(message: Message): number {
  const fixed = fixedSize(KIND[message.kind])
  switch (message.kind) {
    case 'accept':
    case 'promise':
    case 'learned':
    case 'forward':
    case 'part':
      return fixed + carriedSize(message)
    default:
      return fixed
  }
}

/**
 * Writes into a slot of a ring or the buffer of a frame; the caller has made room for `encodedSize` bytes. Returns the
 * offset behind the message. Throws CodecError (NOT_ENCODABLE) for a number the layout has no place for.
 */
export function encodeMessage(message: Message, target: Uint8Array, offset: number): number {
  switch (message.kind) {
    case 'accept':
      return writeAccept(message, target, offset)
    case 'promise':
      return writePromise(message, target, offset)
    case 'learned':
      return writeLearned(message, target, offset)
    case 'forward':
      return writeForward(message, target, offset)
    case 'part':
      return writePart(message, target, offset)
    default:
      return writePlain(message, target, offset)
  }
}

/**
 * The message in `offset .. offset + length`, which owns its bytes. Any bytes may come in: what is not a message of
 * this version within the limits is a CodecError, and nothing larger than the input is ever allocated.
 */
export function decodeMessage(
  bytes: Uint8Array,
  offset: number,
  length: number,
  limits: Pick<Limits, 'maxMessageBytes' | 'maxValueBytes'>,
): Message {
  const { maxMessageBytes, maxValueBytes } = limits
  if (!(offset >= 0 && length > 0 && offset + length <= bytes.length)) fail('TRUNCATED', 'a message is cut')
  if (length > maxMessageBytes) fail('TOO_LARGE', `a message of ${length} bytes; the limit is ${maxMessageBytes}`)
  const kind = bytes[offset]!
  if (kind === 0 || kind >= WHOLES.length) fail('UNKNOWN_KIND', `unknown message kind ${kind}`)
  if (length < fixedSize(kind)) fail('TRUNCATED', `a message of kind ${kind} is cut`)
  checkBallots(bytes, offset, BALLOTS[kind]!)
  switch (kind) {
    case KIND.accept:
      return readAccept(bytes, offset, length, maxValueBytes)
    case KIND.promise:
      return readPromise(bytes, offset, length, maxValueBytes)
    case KIND.learned:
      return readLearned(bytes, offset, length, maxValueBytes)
    case KIND.forward:
      return readForward(bytes, offset, length)
    case KIND.part:
      return readPart(bytes, offset, length)
    default:
      return readPlain(bytes, offset, length)
  }
}
