import type { GroupIndex, Instance, MembershipVersion } from '../base/numbers.js'
import type { Voter } from '../core/membership.js'
import type { CheckpointBlocks } from './checkpoint-blocks.js'

/** Where a checkpoint stands in the log of its group. */
export interface CheckpointPosition {
  /** Executed up to here, and nothing beyond. */
  readonly instance: Instance
  /** The checksum chain of the log at `instance`. */
  readonly chain: number
  /** Of the results of execution up to `instance`. */
  readonly digest: number
  /** The built-in state (sessions and the like), encoded by whoever owns it. */
  readonly builtIn: Uint8Array
}

export type CheckpointMachineKind = 'memory' | 'stored' | 'external'

export interface CheckpointMachine {
  readonly id: number
  readonly kind: CheckpointMachineKind
}

export interface CheckpointMeta extends CheckpointPosition {
  readonly group: GroupIndex
  /** 64 random bits as 16 hex digits. */
  readonly clusterId: string
  /** As of `instance`; voters ascending by node. */
  readonly membership: { readonly version: MembershipVersion; readonly voters: readonly Voter[] }
  /** Ascending by id. */
  readonly machines: readonly CheckpointMachine[]
  /** Milliseconds of the wall clock, for people to read; nothing is decided by it. */
  readonly createdAt: number
}

/**
 * What one machine gave: a machine in memory one `snapshot`, a stored one its `entries` in ascending order, an external
 * one any number of `file`s.
 */
export type CheckpointSectionKind = 'entries' | 'snapshot' | 'file'

export interface CheckpointSection {
  readonly machine: number
  readonly kind: CheckpointSectionKind
  /** Of a file; otherwise empty. */
  readonly name: string
  /** A section begins with a block of its own. */
  readonly firstBlock: number
  readonly blocks: number
  /** Of its content, before compression. */
  readonly bytes: number
}

/** All about a checkpoint but its content. */
export interface CheckpointManifest extends CheckpointMeta {
  /** With the instance it names a checkpoint: the crc32 that the manifest's bytes begin with, over all that follow. */
  readonly id: number
  readonly sections: readonly CheckpointSection[]
  readonly blocks: CheckpointBlocks
}

export const SECTION_OF: Readonly<Record<CheckpointMachineKind, CheckpointSectionKind>> = {
  memory: 'snapshot',
  stored: 'entries',
  external: 'file',
}

/** Whatever comes in from a peer: a manifest of this size describes a checkpoint of a terabyte. */
export const MAX_MANIFEST_BYTES = 64 * 1024 * 1024

/** A snapshot is handed over in one piece; this is what typed arrays, checksums and writes all take. */
export const MAX_SNAPSHOT_BYTES = 2 ** 31 - 1

const FILE_NAME = /^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$/

/** A name can never leave the directory that it is put into, whoever has sent it. */
export function isFileName(name: string): boolean {
  return FILE_NAME.test(name)
}
