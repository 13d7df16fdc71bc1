import { COMMAND_HEADER_BYTES } from './command-body.js'
import { RUN_HEADER_BYTES } from './commands.js'
import { FRAME_ENTRY_BYTES, FRAME_HEADER_BYTES } from './frame-layout.js'
import { WHOLE_BYTES } from './integers.js'
import { MESSAGE_HEADER_BYTES, RECORD_IN_PROMISE_BYTES } from './message-layout.js'

/** The sizes in bytes that bound each other, from one command up to what a socket takes. */
export interface Limits {
  readonly maxCommandBytes: number
  /** What one instance may choose: runs up to `batchBytes`, or one run of any size. */
  readonly maxValueBytes: number
  /** The payload of one encoded protocol message. */
  readonly maxMessageBytes: number
  /** One frame on a link: the messages of all groups of one turn. */
  readonly maxFrameBytes: number
  readonly maxControlBytes: number
}

/** What the limits are derived from and checked against: settings of the protocol (core/config.ts). */
export interface BatchBounds {
  readonly batchBytes: number
  readonly windowBytes: number
  readonly window: number
  readonly learnChunkBytes: number
}

const MIB = 1024 * 1024
export const DEFAULT_COMMAND_BYTES = 16 * MIB
export const MAX_COMMAND_BYTES = 256 * MIB
/** One part of a checkpoint on its way: a block of it, or a piece of its manifest. */
export const MAX_PART_BYTES = MIB
const DEFAULT_CONTROL_BYTES = MIB
/** What a frame gathers beyond its largest message before the next one is begun. */
const FRAME_ROOM_BYTES = MIB
/** Lengths on the wire are u32; half of that also fits every typed array and a signed word. */
const MAX_LENGTH_FIELD = 2 ** 31 - 1

const oneCommandRun = (commandBytes: number) => RUN_HEADER_BYTES + COMMAND_HEADER_BYTES + commandBytes
const largestPart = MESSAGE_HEADER_BYTES + 2 * WHOLE_BYTES + MAX_PART_BYTES
const acceptOverhead = MESSAGE_HEADER_BYTES + 5 * WHOLE_BYTES

/** The smallest limits that keep every relation. */
export function limitsFor(maxCommandBytes: number, bounds: BatchBounds): Limits {
  const maxValueBytes = Math.max(oneCommandRun(maxCommandBytes), bounds.batchBytes)
  const maxMessageBytes = Math.max(
    largestPromise(maxValueBytes, bounds),
    largestLearned(maxValueBytes, bounds),
    largestPart,
  )
  return {
    maxCommandBytes,
    maxValueBytes,
    maxMessageBytes,
    maxFrameBytes: FRAME_HEADER_BYTES + FRAME_ENTRY_BYTES + maxMessageBytes + FRAME_ROOM_BYTES,
    maxControlBytes: DEFAULT_CONTROL_BYTES,
  }
}

/**
 * An acceptor's tail: a leader opens an instance while less than `windowBytes` are in flight, so one value may stand
 * beyond them; and an acceptor that has not heard what the leader knows chosen may hold one more window.
 */
function largestPromise(maxValueBytes: number, bounds: BatchBounds): number {
  const values = 2 * (bounds.windowBytes + maxValueBytes)
  return MESSAGE_HEADER_BYTES + 4 * WHOLE_BYTES + 2 * bounds.window * RECORD_IN_PROMISE_BYTES + values
}

/** A chunk of a learn stream ends with the value that fills it. */
function largestLearned(maxValueBytes: number, bounds: BatchBounds): number {
  return acceptOverhead + 2 * bounds.learnChunkBytes + maxValueBytes
}

interface Relation {
  readonly holds: boolean
  readonly what: string
  readonly reason: string
}

/** Each relation that does not hold, in words; empty when the limits are sound. */
export function checkLimits(limits: Limits, bounds: BatchBounds): string[] {
  return relations(limits, bounds)
    .filter((relation) => !relation.holds)
    .map((relation) => `${relation.what}: ${relation.reason}`)
}

function relations(limits: Limits, bounds: BatchBounds): Relation[] {
  const { maxCommandBytes, maxValueBytes, maxMessageBytes, maxFrameBytes, maxControlBytes } = limits
  return [
    {
      holds: Object.values(limits).every((size) => Number.isInteger(size) && size > 0),
      what: 'limits are whole numbers above 0',
      reason: 'a bound of 0 or NaN refuses everything or nothing',
    },
    {
      holds: maxCommandBytes <= MAX_COMMAND_BYTES,
      what: `maxCommandBytes <= ${MAX_COMMAND_BYTES}`,
      reason: 'a command is copied by every queue on its way, and a whole one must fit a record of a ring',
    },
    {
      holds: maxValueBytes >= oneCommandRun(maxCommandBytes),
      what: 'maxValueBytes >= maxCommandBytes and its headers',
      reason: 'a command of the largest size travels in a run of its own, and a run is never split',
    },
    {
      holds: maxValueBytes >= bounds.batchBytes,
      what: 'maxValueBytes >= batchBytes',
      reason: 'a leader fills an instance up to batchBytes, and its peers must take what it proposes',
    },
    {
      holds: maxMessageBytes >= acceptOverhead + maxValueBytes,
      what: 'maxMessageBytes >= maxValueBytes and the fields of an accept',
      reason: 'an instance is proposed in one message',
    },
    {
      holds: maxMessageBytes >= largestPromise(maxValueBytes, bounds),
      what: 'maxMessageBytes >= two windows and a value each',
      reason: 'a promise reports the whole accepted tail at once; cut, it would hide what may be chosen',
    },
    {
      holds: maxMessageBytes >= largestLearned(maxValueBytes, bounds),
      what: 'maxMessageBytes >= learnChunkBytes and one value',
      reason: 'a chunk of a learn stream ends with the value that fills it',
    },
    {
      holds: maxMessageBytes >= largestPart,
      what: `maxMessageBytes >= ${MAX_PART_BYTES} and the fields of a part`,
      reason: 'a block of a checkpoint travels in one message',
    },
    {
      holds: maxFrameBytes >= FRAME_HEADER_BYTES + FRAME_ENTRY_BYTES + maxMessageBytes,
      what: 'maxFrameBytes >= maxMessageBytes and the headers of a frame',
      reason: 'a message is never split between frames',
    },
    {
      holds: maxFrameBytes >= FRAME_HEADER_BYTES + maxControlBytes,
      what: 'maxFrameBytes >= maxControlBytes',
      reason: 'a control payload travels in one frame',
    },
    {
      holds: maxFrameBytes <= MAX_LENGTH_FIELD,
      what: `maxFrameBytes <= ${MAX_LENGTH_FIELD}`,
      reason: 'lengths are 32-bit on the wire, and the socket library takes no more in one message',
    },
  ]
}
