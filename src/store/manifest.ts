import { readFileSync } from 'node:fs'
import type { NodeId } from '../base/numbers.js'
import { crc32 } from '../codec/crc32.js'
import type { VoterId } from '../core/membership.js'
import { manifestPath, storesPresent } from './data-layout.js'
import { makeDirectoryDurable, replaceFileDurably } from './durable-files.js'
import { StoreError } from './store-error.js'

/** Under which a cluster votes; the same on all its nodes. */
export interface StoredGenesis {
  /** 64 random bits as 16 hex digits. */
  readonly clusterId: string
  readonly groupCount: number
  readonly routingGroups: number
  readonly voters: readonly { readonly nodeId: NodeId; readonly voterId: VoterId }[]
}

/**
 * Who a data directory is. Written first, before any store. A genesis is written into it only after all groups were
 * created in their stores: from then on a group without a head is damaged, and never a new one.
 */
export interface Manifest {
  readonly nodeId: NodeId
  readonly voterId: VoterId
  /** Environments, fixed when the directory is made. */
  readonly stores: number
  readonly genesis?: StoredGenesis
}

const MANIFEST_FORMAT = 1

/**
 * The manifest of a data directory; undefined if the directory is new. Throws MANIFEST_DAMAGED, also if there are stores
 * and no manifest, or FORMAT_UNKNOWN.
 */
export function readManifest(dataDir: string): Manifest | undefined {
  const path = manifestPath(dataDir)
  let text: string
  try {
    text = readFileSync(path, 'utf8')
  } catch (error) {
    if ((error as { code?: unknown }).code !== 'ENOENT') {
      throw new StoreError('STORAGE_FAILED', `${path} cannot be read: ${(error as Error).message}.`, {
        path,
        cause: error,
      })
    }
    const [store] = storesPresent(dataDir)
    if (store === undefined) return undefined
    throw damaged(path, `it is missing, but ${store} is there`)
  }
  return parseManifest(text, path)
}

/** Replaces the manifest: a power cut leaves the old or the new one. */
export function writeManifest(dataDir: string, manifest: Manifest): void {
  const { nodeId, voterId, stores, genesis } = manifest
  const body = { format: MANIFEST_FORMAT, nodeId, voterId, stores, ...(genesis === undefined ? {} : { genesis }) }
  const text = JSON.stringify({ ...body, crc32: checksum(body) }, null, 2)
  const path = manifestPath(dataDir)
  try {
    makeDirectoryDurable(dataDir)
    replaceFileDurably(path, Buffer.from(`${text}\n`))
  } catch (error) {
    const code = (error as { code?: unknown }).code === 'ENOSPC' ? 'DISK_FULL' : 'STORAGE_FAILED'
    throw new StoreError(code, `${path} cannot be written: ${(error as Error).message}.`, { path, cause: error })
  }
}

/** What a start expects of the directory; a group count only where the options fix one. */
export interface ManifestExpectation {
  readonly nodeId: NodeId
  readonly groupCount?: number
  readonly stores?: number
}

/** Refuses to go on with a directory that is another node's, or laid out otherwise than the options say. */
export function checkManifest(manifest: Manifest, dataDir: string, expected: ManifestExpectation): void {
  const path = manifestPath(dataDir)
  if (manifest.nodeId !== expected.nodeId) {
    const todo = 'Give the data directory of this node, or an empty one to join with.'
    const message = `${dataDir} belongs to node ${manifest.nodeId}, this is node ${expected.nodeId}. ${todo}`
    throw new StoreError('STORE_FOREIGN', message, { path })
  }
  const groups = manifest.genesis?.groupCount
  if (groups !== undefined && expected.groupCount !== undefined && groups !== expected.groupCount) {
    const message = `${dataDir} holds ${groups} groups, the options say ${expected.groupCount}. Their number is fixed when the cluster is created: set it to ${groups}.`
    throw new StoreError('LAYOUT_CHANGED', message, { path })
  }
  if (expected.stores !== undefined && manifest.stores !== expected.stores) {
    const message = `${dataDir} has ${manifest.stores} stores, the options say ${expected.stores}. Their number is fixed when the directory is made: set it to ${manifest.stores}.`
    throw new StoreError('LAYOUT_CHANGED', message, { path })
  }
}

function parseManifest(text: string, path: string): Manifest {
  let parsed: unknown
  try {
    parsed = JSON.parse(text)
  } catch {
    throw damaged(path, 'it is not JSON')
  }
  if (!isObject(parsed)) throw damaged(path, 'it is not an object')
  const { crc32: sum, ...body } = parsed
  // Over what the object holds, in its order, so that fields of formats to come are covered too.
  if (sum !== checksum(body)) throw damaged(path, 'its checksum does not fit')
  if (body.format !== MANIFEST_FORMAT) {
    const message = `${path} has format ${String(body.format)}, this program knows ${MANIFEST_FORMAT}. Run the newer version.`
    throw new StoreError('FORMAT_UNKNOWN', message, { path })
  }
  const { nodeId, voterId, stores, genesis } = body
  if (!isCount(nodeId, 65_535) || !isHex64(voterId) || !isCount(stores, 65_535)) throw damaged(path, 'a field is wrong')
  if (genesis === undefined) return { nodeId, voterId, stores }
  if (!isGenesis(genesis)) throw damaged(path, 'its genesis is wrong')
  return { nodeId, voterId, stores, genesis }
}

function damaged(path: string, what: string): StoreError {
  const todo = 'Set the data directory aside; the node then joins again as a new voter.'
  return new StoreError('MANIFEST_DAMAGED', `${path} is damaged: ${what}. ${todo}`, { path })
}

function checksum(body: object): string {
  return crc32(Buffer.from(JSON.stringify(body)))
    .toString(16)
    .padStart(8, '0')
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function isCount(value: unknown, most: number): value is number {
  return Number.isInteger(value) && (value as number) >= 1 && (value as number) <= most
}

function isHex64(value: unknown): value is string {
  return typeof value === 'string' && /^[0-9a-f]{16}$/.test(value)
}

function isGenesis(value: unknown): value is StoredGenesis {
  if (!isObject(value)) return false
  const { clusterId, groupCount, routingGroups, voters } = value
  if (!isHex64(clusterId) || !isCount(groupCount, 65_534) || !isCount(routingGroups, 65_534)) return false
  const isVoter = (voter: unknown) => isObject(voter) && isCount(voter.nodeId, 65_535) && isHex64(voter.voterId)
  return Array.isArray(voters) && voters.length > 0 && voters.every(isVoter)
}
