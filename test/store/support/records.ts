import type { Head, LogRecord } from '../../../src/core/durable.js'
import { EMPTY_HEAD } from '../../../src/core/durable.js'

/** A value whose every byte follows from its instance and ballot, so that a wrong one is recognised. */
function patternOf(instance: number, ballot: number, bytes: number): Uint8Array {
  const value = new Uint8Array(bytes)
  for (let i = 0; i < bytes; i++) value[i] = instance * 31 + ballot * 17 + i * 7
  return value
}

export function accepted(instance: number, ballot = 65537, bytes = 100): LogRecord {
  return { instance, ballot, recoveredTo: 0, version: 0, value: patternOf(instance, ballot, bytes) }
}

export function learned(instance: number, bytes = 100): LogRecord {
  return accepted(instance, 0, bytes)
}

export function head(fields: Partial<Head>): Head {
  const chosenUpTo = fields.chosenUpTo ?? 0
  return { ...EMPTY_HEAD, chosenUpTo, lastAccepted: chosenUpTo, ...fields }
}

export function range(from: number, upTo: number): number[] {
  return Array.from({ length: upTo - from + 1 }, (_, i) => from + i)
}
