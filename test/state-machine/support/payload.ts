import { encodePayload } from '../../../src/codec/payload.js'
import type { EncodedPayload, MachineSet } from '../../../src/state-machine/machine-set.js'
import { type Outcome, OutcomeStatus } from '../../../src/state-machine/outcome.js'
import { payloadTools } from '../../../src/worker/payload-tools.js'

export function payload(machineId: number, value: unknown): EncodedPayload {
  const { flags, bytes } = encodePayload(value)
  return { machineId, flags, body: bytes, offset: 0, length: bytes.length }
}

/** In plain words: the result, or what went wrong as text. */
export function plain({ status, flags, bytes }: Outcome): { status: number; result: unknown } {
  const isText = status !== OutcomeStatus.ok
  return { status, result: isText ? Buffer.from(bytes).toString() : payloadTools.decode(flags, bytes, 0, bytes.length) }
}

/** Executes one command. */
export function run(set: MachineSet, machineId: number, value: unknown, instance = 1, index = 0) {
  return plain(set.execute(payload(machineId, value), instance, index))
}

export function ask(set: MachineSet, machineId: number, query: unknown) {
  return plain(set.query(payload(machineId, query)))
}
