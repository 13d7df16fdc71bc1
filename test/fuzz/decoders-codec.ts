import fc from 'fast-check'
import { type BuiltInState, decodeBuiltIn, encodeBuiltIn } from '../../src/codec/built-in-state.js'
import { encodeCbor } from '../../src/codec/cbor.js'
import { CommandReader, checkBody, forEachCommand } from '../../src/codec/command-body.js'
import { checkValue, countRuns, encodeRuns, readRuns, valueCodec } from '../../src/codec/commands.js'
import { decodeControl, encodeControl } from '../../src/codec/control.js'
import { crc32 } from '../../src/codec/crc32.js'
import { checkFrame, FrameBuilder, frameType, readFrame, sealFrame } from '../../src/codec/frame.js'
import { decodeHead, encodeHead, HEAD_BYTES, type StoredHead } from '../../src/codec/head.js'
import { getU16, putU32 } from '../../src/codec/little-endian.js'
import { decodeMessage } from '../../src/codec/messages.js'
import { decodePayload, encodePayload } from '../../src/codec/payload.js'
import { decodeRecord, encodeRecord, recordBytes, recordCrc } from '../../src/codec/record.js'
import { RunBuilder } from '../../src/codec/run-builder.js'
import { decodeDetail, encodeDetail } from '../../src/codec/worker-records.js'
import type { CommandRun } from '../../src/core/command-run.js'
import type { LogRecord } from '../../src/core/durable.js'
import type { Message } from '../../src/core/messages.js'
import { readGenesisMessage } from '../../src/host/genesis.js'
import { bodyOf, type Command, command, hex64, u16, u32, value } from '../codec/arbitraries.js'
import { encoded, encodedMessages, framesOf, LIMITS, recordMessages, sampled } from './corpus.js'
import { type Decoder, decoder, REFUSED, unlessFlawed } from './decoder.js'

const CBOR = { maxBytes: 1 << 20, maxDepth: 64, maxItems: 1 << 20 }
const GROUP = 3
const INSTANCE = 77
const recorded = recordMessages()
const record = fc.record({
  instance: fc.constant(INSTANCE),
  ballot: fc.nat(),
  recoveredTo: fc.nat(),
  version: fc.nat(9),
  value,
})
const head: fc.Arbitrary<StoredHead> = fc
  .record({ voterId: hex64, digest: u32, promised: fc.nat(), chosenUpTo: fc.nat(), chain: u32, ahead: fc.nat(9) })
  .map(({ voterId, digest, promised, chosenUpTo, chain, ahead }) => {
    return { voterId, digest, head: { promised, chosenUpTo, chain, lastAccepted: chosenUpTo + ahead, firstKept: 1 } }
  })
const plainData = fc.oneof(
  fc.anything({ maxDepth: 4, withBigInt: true, withTypedArray: true, withDate: true, withMap: true, withSet: true }),
  fc.constant({ key: 'k', value: 'v'.repeat(300), ifVersion: 3 }),
)

const savedSession = fc.record({
  origin: u16,
  incarnation: hex64,
  opened: fc.nat(),
  last: fc.nat(),
  floor: fc.nat(),
  done: fc.uniqueArray(fc.nat(), { maxLength: 5 }).map((list) => list.sort((a, b) => a - b)),
})
const savedState: fc.Arbitrary<BuiltInState> = fc.record({
  sessions: fc.array(savedSession, { maxLength: 4 }),
  externals: fc
    .uniqueArray(u16, { maxLength: 3 })
    .map((ids) => ids.sort((a, b) => a - b).map((machine) => ({ machine, instance: 7, index: machine % 3 }))),
})

function cbor(encode: (value: unknown) => Uint8Array): Uint8Array[] {
  return sampled(plainData, 120).flatMap((data) => {
    try {
      return [Uint8Array.from(encode(data))]
    } catch {
      // No plain data: not what a caller could send.
      return []
    }
  })
}

function crcFirst(bytes: Uint8Array): void {
  if (bytes.length >= 4) putU32(bytes, 0, crc32(bytes.subarray(4)))
}

function sealed(bytes: Uint8Array): void {
  if (bytes.length >= 8) sealFrame(bytes, bytes[0] ?? 0, bytes[1] ?? 0)
}

interface Entry {
  readonly group: number
  readonly message: Uint8Array
}

const message = decoder<Message>({
  name: 'message',
  covers: [
    'codec/messages.decodeMessage',
    'codec/plain-messages.readPlain',
    ...['readAccept', 'readPromise', 'readLearned', 'readForward', 'readPart'].map(
      (name) => `codec/carrying-messages.${name}`,
    ),
    'codec/message-fields.checkUnused',
    'codec/message-fields.checkBallots',
    'codec/integers.readWhole',
  ],
  seeds: () => [...recorded.map(({ bytes }) => bytes), ...encodedMessages(200)],
  decode: (bytes) => decodeMessage(bytes, 0, bytes.length, LIMITS),
  encode: encoded,
  canonical: true,
})

const frame = decoder<Entry[]>({
  name: 'frame',
  covers: ['codec/frame.readFrame', 'codec/frame.checkFrame'],
  seeds: () => framesOf(recorded),
  decode: (bytes) => {
    checkFrame(bytes, LIMITS)
    const entries: Entry[] = []
    readFrame(bytes, (group, at, length) => entries.push({ group, message: bytes.slice(at, at + length) }), LIMITS)
    return entries
  },
  encode: (entries) => {
    const builder = new FrameBuilder(LIMITS)
    for (const { group, message } of entries) builder.append(group, message, 0, message.length)
    return builder.finish()
  },
  canonical: true,
  seal: sealed,
})

const control = decoder({
  name: 'control frame',
  covers: [
    'codec/control.decodeControl',
    'codec/cbor.decodeCbor',
    'codec/cbor-scan.checkCbor',
    'codec/frame.frameType',
  ],
  seeds: () => cbor((data) => encodeControl(data, LIMITS)),
  decode: (bytes) => (frameType(bytes) === 'control' ? decodeControl(bytes, LIMITS) : REFUSED),
  encode: (data) => encodeControl(data, LIMITS),
  seal: sealed,
})

const genesis = decoder({
  name: 'birth of a cluster',
  covers: ['host/genesis.readGenesisMessage'],
  seeds: () => {
    const voters = [1, 2, 3].map((nodeId) => ({ nodeId, voterId: nodeId.toString().padStart(16, '0') }))
    const born = { clusterId: 'abcdef0123456789', groupCount: 4, routingGroups: 4, voters }
    const answer = { kind: 'genesis-answer', voterId: '00000000000000aa', nodes: [1, 2, 3] }
    const all = [{ kind: 'genesis-ask' }, { ...answer, genesis: null }, { ...answer, genesis: born }]
    return all.map((one) => encodeControl(one, LIMITS))
  },
  decode: (bytes) => readGenesisMessage(decodeControl(bytes, LIMITS)) ?? REFUSED,
  encode: (one) => encodeControl(one, LIMITS),
  seal: sealed,
})

const payloads = [0, 1].map((flags) =>
  decoder({
    name: `payload of kind ${flags}`,
    covers: ['codec/payload.decodePayload'],
    seeds: () => cbor((data) => encodePayload([data]).bytes),
    decode: (bytes) => decodePayload(flags, bytes, 0, bytes.length),
    encode: (data) => (flags === 0 ? (data as Uint8Array) : encodeCbor(data, CBOR)),
    canonical: flags === 0,
  }),
)

const detail = decoder({
  name: 'detail of an event',
  covers: ['codec/worker-records.decodeDetail'],
  seeds: () => [
    encodeDetail({ kind: 'log', level: 'warn', message: 'slow', fields: { ms: 3, why: 'disk' } }).slice(),
    ...cbor(encodeDetail),
  ],
  decode: (bytes) => decodeDetail(bytes, 0, bytes.length),
  encode: encodeDetail,
})

const runs = decoder<CommandRun[]>({
  name: 'value',
  covers: ['codec/commands.checkValue', 'codec/commands.readRuns', 'codec/commands.countRuns', 'codec/hex64.readHex64'],
  seeds: () => sampled(value, 100),
  decode: (bytes) => {
    const commands = checkValue(bytes)
    const found = readRuns(bytes, 0, bytes.length)
    if (countRuns(bytes, 0, bytes.length) !== found.length) throw new Error('another count of runs')
    if (found.reduce((sum, { count }) => sum + count, 0) !== commands) throw new Error('another count of commands')
    return found
  },
  encode: encodeRuns,
  canonical: true,
})

/** Of a value of the log, which was checked when it was accepted: nothing but a typed error may come of others, too. */
const unchecked = decoder<CommandRun[]>({
  name: 'value that nobody checked',
  covers: [],
  seeds: () => sampled(value, 100),
  decode: (bytes) => valueCodec.decode(bytes),
})

const body = decoder<Command[]>({
  name: 'commands of a run',
  covers: ['CommandReader', 'forEachCommand', 'checkBody'].map((name) => `codec/command-body.${name}`),
  seeds: () => sampled(fc.array(command, { maxLength: 8 }), 60).map(bodyOf),
  decode: (bytes) => {
    const count = checkBody(bytes, 0, bytes.length)
    const found: Command[] = []
    forEachCommand(bytes, (machineId, flags, at, length) =>
      found.push({ machineId, flags, payload: bytes.slice(at, at + length) }),
    )
    let walked = 0
    for (const reader = new CommandReader(bytes); reader.next(); ) walked++
    if (walked !== count || found.length !== count) throw new Error('the walks differ')
    return found
  },
  encode: (commands) => {
    const builder = new RunBuilder()
    for (const { machineId, flags, payload } of commands) builder.add(machineId, flags, payload, 0, payload.length)
    return builder.take()
  },
  canonical: true,
})

const logRecord = decoder<LogRecord>({
  name: 'record of the log',
  covers: ['codec/record.decodeRecord', 'codec/record.recordCrc'],
  seeds: () => sampled(record, 60).map((one) => recordAsBytes(one)),
  decode: (bytes) => {
    recordCrc(bytes)
    return unlessFlawed(decodeRecord(bytes, GROUP, INSTANCE))
  },
  encode: (one) => recordAsBytes(one),
  canonical: true,
  seal: crcFirst,
})

function recordAsBytes(one: LogRecord): Uint8Array {
  const bytes = new Uint8Array(recordBytes(one))
  encodeRecord(bytes, GROUP, one)
  return bytes
}

const groupHead = decoder<StoredHead>({
  name: 'head of a group',
  covers: ['codec/head.decodeHead', 'codec/head.getVoterId'],
  seeds: () => sampled(head, 60).map(headAsBytes),
  decode: (bytes) => unlessFlawed(decodeHead(bytes, GROUP)),
  encode: headAsBytes,
  seal: crcFirst,
})

function headAsBytes(one: StoredHead): Uint8Array {
  const bytes = new Uint8Array(HEAD_BYTES)
  encodeHead(bytes, GROUP, one)
  return bytes
}

const integers = decoder({
  name: 'integers',
  covers: ['getU16', 'getU32', 'getSafe'].map((name) => `codec/little-endian.${name}`),
  seeds: () => sampled(fc.tuple(u16, u32), 10).map(([a, b]) => Uint8Array.of(a, a >> 8, b, b >> 8, b >> 16, b >> 24)),
  decode: (bytes) => getU16(bytes, bytes.length - 1),
})

const builtInState = decoder<BuiltInState>({
  name: 'built-in state',
  covers: ['codec/built-in-state.decodeBuiltIn', 'codec/saved-sessions.decodeSessions'],
  seeds: () => sampled(savedState, 60).map(encodeBuiltIn),
  decode: decodeBuiltIn,
  encode: encodeBuiltIn,
})

export const codecDecoders: readonly Decoder[] = [
  message,
  frame,
  control,
  genesis,
  ...payloads,
  detail,
  runs,
  unchecked,
  body,
  logRecord,
  groupHead,
  integers,
  builtInState,
]
