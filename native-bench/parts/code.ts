import { measure } from 'mitata'
import { valueCodec } from '../../src/codec/commands.js'
import { crc32 } from '../../src/codec/crc32.js'
import { limitsFor } from '../../src/codec/limits.js'
import { decodeMessage, encodedSize, encodeMessage } from '../../src/codec/messages.js'
import { decodeRecord, encodeRecord, recordBytes } from '../../src/codec/record.js'
import { RunBuilder } from '../../src/codec/run-builder.js'
import { DEFAULT_TUNING } from '../../src/core/config.js'
import type { Message } from '../../src/core/messages.js'
import { CoreTrio } from './core-trio.js'
import { bytesName, type PartRow } from './part.js'

const CRC_BYTES = [64, 1024, 64 * 1024]
const COMMANDS = 64
const COMMAND_BYTES = 100

/** The protocol and its encodings on one thread, without I/O. Where node runs with --expose-gc: what they allocate, too. */
export async function codeRows(): Promise<PartRow[]> {
  const rows: PartRow[] = []
  const row = async (part: string, what: string, body: () => unknown, per = 1) => {
    const { avg, heap } = await measure(body)
    const figures: Record<string, number> = { ns: avg / per }
    if (heap !== undefined) figures['B allocated'] = heap.avg / per
    rows.push({ part, what, figures })
  }
  for (const bytes of CRC_BYTES) {
    const data = new Uint8Array(bytes).fill(7)
    await row('crc32', bytesName(bytes), () => crc32(data))
  }
  const builder = new RunBuilder()
  const command = new Uint8Array(COMMAND_BYTES).fill(7)
  for (let i = 0; i < COMMANDS; i++) builder.add(1, 0, command, 0, command.length)
  const origin = { origin: 1, incarnation: '00000000000000aa', session: 1, sequence: 1, floor: 1 }
  const runs = [{ ...origin, count: COMMANDS, body: builder.take() }]
  const value = valueCodec.encode(runs)
  const batch = `${COMMANDS} commands of ${bytesName(COMMAND_BYTES)}`
  await row('codec', `value of ${batch}, encode`, () => valueCodec.encode(runs))
  await row('codec', `value of ${batch}, decode`, () => valueCodec.decode(value))
  const record = { instance: 7, ballot: 65_537, recoveredTo: 0, version: 0, value }
  const stored = new Uint8Array(recordBytes(record))
  await row('codec', 'log record of it, encode', () => encodeRecord(stored, 0, record))
  await row('codec', 'log record of it, decode', () => decodeRecord(stored, 0, record.instance))
  const accept: Message = { kind: 'accept', ...record, chosenUpTo: 6 }
  const sent = new Uint8Array(encodedSize(accept))
  const limits = limitsFor(1024 * 1024, DEFAULT_TUNING)
  await row('codec', 'accept of it, encode', () => encodeMessage(accept, sent, 0))
  await row('codec', 'accept of it, decode', () => decodeMessage(sent, 0, sent.length, limits))
  for (const commands of [1, COMMANDS]) {
    const trio = new CoreTrio(commands, COMMAND_BYTES)
    const what = `an instance of ${commands}, by three cores`
    await row('core', `${what}, per command`, () => trio.instance(), commands)
  }
  return rows
}
