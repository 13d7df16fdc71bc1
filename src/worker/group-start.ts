import type { Instance } from '../base/numbers.js'
import { type BuiltInState, decodeBuiltIn } from '../codec/built-in-state.js'
import { type Base, EMPTY_BASE } from '../core/durable.js'
import type { MachinePosition } from '../state-machine/external.js'

/** What is kept of a group's state at one instance: in its state environment, or in a checkpoint. */
export interface KeptState {
  readonly instance: Instance
  readonly chain: number
  readonly digest: number
  readonly builtIn: BuiltInState
}

/** What a group finds at its start, besides its log. */
export interface Found {
  /** In the state environment; undefined: nothing, or nothing that can be relied on. */
  readonly state: KeptState | undefined
  /** Checkpoints that can be read, newest first. */
  readonly checkpoints: readonly KeptState[]
  readonly hasMemory: boolean
  /** Stored or external machines: whose state the environment vouches for. */
  readonly hasState: boolean
  /** What the external machines say. */
  readonly externals: ReadonlyMap<number, MachinePosition>
}

export interface GroupStart {
  /** The log is executed from here on. */
  readonly base: Base
  /** Of the results up to `digestUpTo`, which a machine that is ahead of the base has executed already. */
  readonly digest: number
  readonly digestUpTo: Instance
  /** The checkpoint that in-memory machines are restored from; 0: none. */
  readonly memoryAt: Instance
  /** Where the stored machines stand. */
  readonly storedAt: Instance
  /** External machines that are behind what was committed with their group's position. */
  readonly behind: readonly number[]
}

/** A position as the state store and checkpoints keep it. Throws CodecError. */
export function keptState(position: {
  readonly executedUpTo: Instance
  readonly chain: number
  readonly digest: number
  readonly builtIn: Uint8Array
}): KeptState {
  const { executedUpTo: instance, chain, digest, builtIn } = position
  return { instance, chain, digest, builtIn: decodeBuiltIn(builtIn) }
}

/**
 * Where a group begins to execute: at the highest kept position that none of its machines is behind. Machines that are
 * ahead of it skip what they have executed already.
 */
export function chooseStart(found: Found): GroupStart {
  const { state, checkpoints, hasMemory, hasState, externals } = found
  const behind = (state?.builtIn.externals ?? [])
    .filter((kept) => isBehind(externals.get(kept.machine), kept))
    .map(({ machine }) => machine)
  const storedAt = state === undefined ? 0 : state.instance
  const restored = hasMemory ? checkpoints[0] : undefined
  const memoryAt = restored?.instance ?? 0
  let floor = Number.POSITIVE_INFINITY
  if (hasState) floor = Math.min(floor, behind.length > 0 ? 0 : storedAt)
  if (hasMemory) floor = Math.min(floor, memoryAt)
  const kept = [...(state === undefined ? [] : [state]), ...checkpoints]
  const from = kept.filter(({ instance }) => instance <= floor).sort((a, b) => b.instance - a.instance)[0]
  const digestOf = [hasState ? state : undefined, restored, from]
    .filter((candidate) => candidate !== undefined)
    .sort((a, b) => b.instance - a.instance)[0]
  const { digest, instance: digestUpTo } = digestOf ?? { digest: 0, instance: 0 }
  return { base: from === undefined ? EMPTY_BASE : baseAt(from), digest, digestUpTo, memoryAt, storedAt, behind }
}

function baseAt({ instance, chain, builtIn }: KeptState): Base {
  return { executedUpTo: instance, chain, sessions: builtIn.sessions }
}

function isBehind(position: MachinePosition | undefined, kept: MachinePosition): boolean {
  if (position === undefined) return false
  return position.instance < kept.instance || (position.instance === kept.instance && position.index < kept.index)
}
