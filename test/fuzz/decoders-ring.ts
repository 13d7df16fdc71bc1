import * as records from '../../src/codec/worker-records.js'
import { TIMER_KINDS } from '../../src/core/timers.js'
import { type Decoder, decoder } from './decoder.js'

/** The records between host and worker. Both are one program, so what is checked is that nothing is read beyond a record. */

const viewOf = (bytes: Uint8Array) => new DataView(bytes.buffer, bytes.byteOffset, bytes.length)

function slot(bytes: number, write: (view: DataView, all: Uint8Array) => void): Uint8Array {
  const all = new Uint8Array(bytes)
  write(viewOf(all), all)
  return all
}

function record<T>(
  name: string,
  covers: readonly string[],
  bytes: number,
  write: (view: DataView, all: Uint8Array, one: T) => void,
  read: (view: DataView, all: Uint8Array, length: number) => T,
  examples: readonly T[],
): Decoder {
  const encode = (one: T) => slot(bytes, (view, all) => write(view, all, one))
  return decoder<T>({
    name,
    covers,
    seeds: () => examples.map(encode),
    decode: (all) => read(viewOf(all), all, all.length),
    encode,
  })
}

/** Of a record that is read into fields and a tail. */
function filled(
  name: string,
  reader: { read(view: DataView, offset: number, length: number): void; offset: number; length: number },
  seed: Uint8Array,
): Decoder {
  return decoder({
    name,
    covers: [`codec/worker-records.${reader.constructor.name}`],
    seeds: () => [seed],
    decode: (all) => {
      reader.read(viewOf(all), 0, all.length)
      if (reader.length < 0 || reader.offset + reader.length > all.length) throw new Error('a tail beyond its record')
      return { ...reader }
    },
  })
}

interface Results {
  readonly group: number
  readonly sequence: number
  readonly instance: number
  readonly index: number
  readonly results: readonly { readonly status: number; readonly flags: number; readonly bytes: Uint8Array }[]
}

function writeReply({ group, sequence, instance, index, results }: Results): Uint8Array {
  const builder = new records.ReplyBuilder()
  builder.begin(group, sequence, instance, index)
  for (const { status, flags, bytes } of results) builder.add(status, flags, bytes)
  return builder.finish().slice()
}

const reply = decoder<Results>({
  name: 'REPLY',
  covers: ['codec/worker-records.ReplyReader'],
  seeds: () => [
    writeReply({
      group: 3,
      sequence: 9,
      instance: 40,
      index: 2,
      results: [0, 40, 300].map((length, i) => ({ status: i, flags: 1, bytes: new Uint8Array(length).fill(i) })),
    }),
  ],
  decode: (all) => {
    const reader = new records.ReplyReader()
    reader.read(viewOf(all), all, 0, all.length)
    const { group, instance } = reader
    const [sequence, index] = [reader.sequence + 1, reader.index + 1]
    const results: Results['results'][number][] = []
    while (reader.next()) {
      const { status, flags, offset, length } = reader
      if (offset + length > all.length) throw new Error('a result beyond its record')
      results.push({ status, flags, bytes: all.slice(offset, offset + length) })
    }
    return { group, sequence, instance, index, results }
  },
  encode: writeReply,
})

const command = slot(records.COMMAND_HEAD_BYTES + 30, (view) => records.writeCommand(view, 0, 3, 1, 1, 9, 5000))
const commands = slot(records.COMMANDS_HEAD_BYTES + 30, (view) => records.writeCommands(view, 0, 3, 2, 9, 5000))
const message = slot(records.MESSAGE_HEAD_BYTES + 30, (view) => records.writeMessage(view, 0, 3, 2))
const send = slot(records.SEND_HEAD_BYTES + 30, (view) => records.writeSend(view, 0, 3, 5, 0))
const numbers = { chosenUpTo: 9, lastAccepted: 9, executedUpTo: 8, firstKept: 1, leader: 65537, membershipVersion: 1 }
const counts = { checkpoint: 7, digestAt: 8, waitingBytes: 0, executedCommands: 30, commits: 12, commitMicros: 900 }
const words = { chain: 1, digest: 2, waiting: 0, inFlight: 1 }

export const ringDecoders: readonly Decoder[] = [
  filled('COMMAND', new records.CommandRecord(), command),
  filled('COMMANDS', new records.CommandsRecord(), commands),
  filled('MESSAGE', new records.MessageRecord(), message),
  filled('SEND', new records.SendRecord(), send),
  reply,
  record<records.ReadHead>(
    'READ',
    ['codec/worker-records.readRead', 'codec/record-kinds.checkRecord'],
    records.READ_HEAD_BYTES,
    (view, _, one) => records.writeRead(view, 0, one),
    (view, _, length) => records.readRead(view, 0, length),
    [{ group: 3, token: 7, machineId: 1, flags: 1, consistency: 'quorum', deadline: 5000 }],
  ),
  record(
    'LINK',
    ['codec/worker-records.readLink'],
    records.LINK_BYTES,
    (view, all, one) => records.writeLink(view, all, 0, one),
    (view, all, length) => records.readLink(view, all, 0, length),
    [{ peer: 2, up: true, voterId: '00c0ffee12345678' }],
  ),
  record(
    'TUNE and EVENT',
    ['codec/worker-records.readGroupHead'],
    records.GROUP_HEAD_BYTES,
    (view, _, one) => records.writeGroupHead(view, 0, one),
    (view, _, length) => records.readGroupHead(view, 0, length),
    [3, records.ALL_GROUPS],
  ),
  record(
    'ENDED',
    ['codec/worker-records.readEnded'],
    records.ENDED_BYTES,
    (view, _, one) => records.writeEnded(view, 0, one),
    (view, _, length) => records.readEnded(view, 0, length),
    records.ENDED_OUTCOMES.map((outcome) => ({ group: 3, sequence: 9, count: 2, outcome })),
  ),
  record(
    'QUERY_REPLY',
    ['codec/worker-records.readQueryReply'],
    records.QUERY_REPLY_HEAD_BYTES,
    (view, _, one) => records.writeQueryReply(view, 0, one),
    (view, _, length) => records.readQueryReply(view, 0, length),
    records.QUERY_OUTCOMES.map((outcome) => ({ group: 3, token: 7, outcome, status: 0, flags: 1 })),
  ),
  record<records.TimerSetting>(
    'TIMER',
    ['codec/worker-records.readTimer', 'codec/record-kinds.wordAt'],
    records.TIMER_BYTES,
    (view, _, { group, timer, delayMs }) => records.writeTimer(view, 0, group, TIMER_KINDS.indexOf(timer), delayMs),
    (view, _, length) => records.readTimer(view, 0, length),
    TIMER_KINDS.map((timer) => ({ group: 3, timer, delayMs: 250 })),
  ),
  record(
    'STATUS',
    ['codec/worker-records.readStatus'],
    records.STATUS_BYTES,
    (view, _, one) => records.writeStatus(view, 0, one),
    (view, _, length) => records.readStatus(view, 0, length),
    records.GROUP_STATES.map((state) => ({ group: 3, state, ...numbers, ...counts, ...words })),
  ),
]
