import fc from 'fast-check'
import { encodeRuns } from '../../src/codec/commands.js'
import { RunBuilder } from '../../src/codec/run-builder.js'
import type { CommandRun } from '../../src/core/command-run.js'
import type { Message } from '../../src/core/messages.js'

export const whole = fc.oneof(fc.maxSafeNat(), fc.nat(300), fc.constantFrom(0, 1, 2 ** 32 - 1, 2 ** 32, 2 ** 53 - 1))
/** Below 2^52: those above are refused. */
const ballot = fc.oneof(
  fc.maxSafeNat().map((n) => Math.floor(n / 2)),
  fc.constantFrom(0, 65537, 2 ** 52 - 1),
)
export const u32 = fc.oneof(fc.nat(0xffffffff), fc.constantFrom(0, 0xffffffff))
export const u16 = fc.oneof(fc.nat(0xffff), fc.constantFrom(0, 0xffff))
export const bytes = fc.uint8Array({ maxLength: 200 })
export const hex64 = fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }).map((n) => n.toString(16).padStart(16, '0'))

export interface Command {
  readonly machineId: number
  readonly flags: number
  readonly payload: Uint8Array
}

export const command: fc.Arbitrary<Command> = fc.record({
  machineId: u16,
  flags: fc.constantFrom(0, 1),
  payload: bytes,
})

export function bodyOf(commands: readonly Command[]): Uint8Array {
  const builder = new RunBuilder()
  for (const { machineId, flags, payload } of commands) builder.add(machineId, flags, payload, 0, payload.length)
  return builder.take()
}

const origin = fc.integer({ min: 1, max: 0xffff })
const sequence = fc.oneof(fc.nat(), fc.constantFrom(0, 2 ** 53 - 1 - 1000))

export const run: fc.Arbitrary<CommandRun> = fc.oneof(
  fc
    .record({
      origin,
      incarnation: hex64,
      session: whole.filter((n) => n > 0),
      sequence,
      floor: whole,
      commands: fc.array(command, { maxLength: 5 }),
    })
    .map(({ commands, ...fields }) => ({ ...fields, count: commands.length, body: bodyOf(commands) })),
  fc.record({ origin, incarnation: hex64, session: fc.constant(0), sequence, floor: whole }).map((fields) => ({
    ...fields,
    count: 0,
    body: new Uint8Array(0),
  })),
)

export const runs = fc.array(run, { minLength: 1, maxLength: 4 })
export const value = runs.map((list) => encodeRuns(list))

const record = fc.record({ instance: whole, ballot: whole, recoveredTo: whole, version: whole, value })
const kind = <K extends Message['kind']>(name: K) => ({ kind: fc.constant(name) })

/** Every kind of message; a new kind does not compile until it stands here. */
export const messages: { readonly [K in Message['kind']]: fc.Arbitrary<Extract<Message, { kind: K }>> } = {
  probe: fc.record({ ...kind('probe'), probe: whole }),
  free: fc.record({ ...kind('free'), probe: whole, promised: ballot, chosenUpTo: whole }),
  busy: fc.record({ ...kind('busy'), probe: whole, ballot }),
  prepare: fc.record({ ...kind('prepare'), version: whole, ballot, from: whole }),
  promise: fc.record({
    ...kind('promise'),
    version: whole,
    ballot,
    from: whole,
    chosenUpTo: whole,
    records: fc.array(record, { maxLength: 4 }),
  }),
  behind: fc.record({ ...kind('behind'), ballot, chosenUpTo: whole }),
  nack: fc.record({ ...kind('nack'), ballot, promised: ballot }),
  accept: fc.record({
    ...kind('accept'),
    version: whole,
    ballot,
    instance: whole,
    recoveredTo: whole,
    chosenUpTo: whole,
    value,
  }),
  accepted: fc.record({ ...kind('accepted'), version: whole, ballot, chosenUpTo: whole, upTo: whole }),
  gap: fc.record({ ...kind('gap'), ballot, next: whole }),
  chosen: fc.record({ ...kind('chosen'), ballot, upTo: whole, chain: u32 }),
  learn: fc.record({
    ...kind('learn'),
    session: whole,
    from: whole,
    want: fc.constantFrom('stream', 'log', 'once', 'checkpoint'),
  }),
  learned: fc.record({
    ...kind('learned'),
    session: whole,
    from: whole,
    values: fc.array(value, { maxLength: 4 }),
    chosenUpTo: whole,
    done: fc.boolean(),
  }),
  'learn-ack': fc.record({ ...kind('learn-ack'), session: whole, upTo: whole }),
  forward: fc.record({ ...kind('forward'), hops: fc.nat(255), runs }),
  redirect: fc.record({ ...kind('redirect'), ballot }),
  'ask-read-point': fc.record({ ...kind('ask-read-point'), round: whole }),
  'read-point': fc.record({ ...kind('read-point'), version: whole, round: whole, point: whole }),
  offer: fc.record({
    ...kind('offer'),
    session: whole,
    instance: whole,
    id: u32,
    manifestBytes: whole,
    dataBytes: whole,
  }),
  fetch: fc.record({ ...kind('fetch'), session: whole, instance: whole, id: u32, part: whole }),
  part: fc.record({ ...kind('part'), session: whole, part: whole, bytes: fc.uint8Array({ maxLength: 64 }) }),
  status: fc.record({ ...kind('status'), chosenUpTo: whole, lastAccepted: whole, chain: u32, leader: ballot }),
}

export const message: fc.Arbitrary<Message> = fc.oneof(...(Object.values(messages) as fc.Arbitrary<Message>[]))
