import { availableParallelism } from 'node:os'
import { resolve } from 'node:path'
import { z } from 'zod'
import type { NodeId } from '../base/numbers.js'
import type { SyncMode } from '../codec/worker-task.js'
import { DEFAULT_TUNING, type GroupTuning } from '../core/config.js'
import { type NodeAddress, parseAddress } from './addresses.js'
import { type Counts, checkLimits, computeLimits, type Limits } from './limits.js'
import { optionSchema, type ParsedOptions, type PaxosOptions, sync } from './option-schema.js'
import { PaxosError } from './paxos-error.js'

/** The options as the host uses them: checked, with defaults, and what follows from them. */
export interface Settings extends Omit<ParsedOptions, 'nodes' | 'tuning' | 'stateMachines'> {
  readonly nodes: ReadonlyMap<NodeId, NodeAddress>
  /** Ascending, this node included: positions are the bits of peer masks. */
  readonly nodeIds: readonly NodeId[]
  readonly tuning: GroupTuning
  readonly stateMachines: readonly string[]
  /** What a new cluster is created with; a living one has its own in the manifest. */
  readonly wantedGroups: number
  readonly parsed: ParsedOptions
}

/** Throws `INVALID_OPTION` naming the field, what it got and what it takes. Touches nothing. */
export function parseOptions(input: PaxosOptions): Settings {
  const result = optionSchema.safeParse(input)
  if (!result.success) throw fromIssue(result.error.issues[0], input)
  const parsed = result.data
  const nodes = new Map<NodeId, NodeAddress>()
  for (const [id, text] of Object.entries(parsed.nodes)) {
    if (Number(id) > 65_535) throw invalid('nodes', id, 'node ids from 1 to 65535')
    nodes.set(Number(id), parseAddress(text) as NodeAddress)
  }
  if (!nodes.has(parsed.nodeId)) {
    throw invalid('nodeId', parsed.nodeId, `one of the ids in nodes (${[...nodes.keys()].join(', ') || 'none'})`)
  }
  if (nodes.size > 31) throw invalid('nodes', `${nodes.size} nodes`, 'at most 31 nodes')
  const taken = new Map<string, NodeId>()
  for (const [id, { host, port }] of nodes) {
    const other = taken.get(`${host} ${port}`)
    if (other !== undefined)
      throw invalid(`nodes.${id}`, `${host}:${port}`, `an address of its own, node ${other} has this one`)
    taken.set(`${host} ${port}`, id)
  }
  const urls = parsed.stateMachines.map((url) => (typeof url === 'string' ? url : url.href))
  const wantedGroups = 'count' in parsed.groups ? parsed.groups.count : parsed.groups.perCore * availableParallelism()
  const tuning = { ...DEFAULT_TUNING, ...definedOnly(parsed.tuning) }
  const settings: Settings = {
    ...parsed,
    dataDir: resolve(parsed.dataDir),
    nodes,
    nodeIds: [...nodes.keys()].sort((a, b) => a - b),
    tuning,
    stateMachines: urls,
    wantedGroups,
    parsed,
  }
  if (parsed.stores !== undefined && parsed.stores > wantedGroups) {
    throw invalid('stores', parsed.stores, `at most one store per group (${wantedGroups})`)
  }
  const stores = parsed.stores ?? defaultStores(wantedGroups)
  if (parsed.threads !== undefined && parsed.threads > stores) {
    throw invalid('threads', parsed.threads, `at most one thread per store (${stores})`)
  }
  limitsOf(settings, { groups: wantedGroups, stores, workers: defaultThreads(settings, stores) })
  return settings
}

/** The option `sync` alone, as it may be changed while a node runs. Throws `INVALID_OPTION`. */
export function parseSync(mode: unknown): SyncMode {
  const input = { sync: mode ?? null }
  const result = z.strictObject({ sync }).safeParse(input)
  if (!result.success) throw fromIssue(result.error.issues[0], input)
  return result.data.sync
}

/** One store per group, up to one per core (docs/performance.md says why not more); fixed when the cluster is created. */
export function defaultStores(groups: number): number {
  return Math.min(groups, availableParallelism())
}

/** A thread owns whole stores, so there are never more threads than stores. */
export function defaultThreads(settings: Settings, stores: number): number {
  return Math.min(stores, settings.threads ?? availableParallelism())
}

/** The limits for the real number of groups and threads; throws where a relation between them does not hold. */
export function limitsOf(settings: Settings, counts: Counts): Limits {
  const violation = checkLimits(settings.parsed, settings.tuning, counts)
  if (violation !== undefined) {
    throw new PaxosError('INVALID_OPTION', `option ${violation.option}: ${violation.sentence}`)
  }
  return computeLimits(settings.parsed, settings.tuning, counts)
}

function invalid(option: string, got: unknown, takes: string): PaxosError {
  return new PaxosError('INVALID_OPTION', `option ${option}: got ${show(got)}, takes ${takes}`)
}

interface Issue {
  readonly path: readonly PropertyKey[]
  readonly code: string
  readonly message: string
  readonly keys?: readonly string[]
  readonly errors?: readonly (readonly Issue[])[]
}

function fromIssue(issue: Issue | undefined, input: unknown): PaxosError {
  if (issue === undefined) return new PaxosError('INVALID_OPTION', 'the options are not an object')
  const path = issue.path.map(String).join('.')
  if (issue.code === 'unrecognized_keys') {
    const key = [...issue.path.map(String), ...(issue.keys ?? [])].join('.')
    return new PaxosError('INVALID_OPTION', `option ${key}: there is no such option; docs/options.md lists all`)
  }
  const takes = issue.errors?.map((branch) => branch[0]?.message ?? '').join(', or ') ?? issue.message
  const got =
    path === 'clusterSecret'
      ? valueAt(input, issue.path) === undefined
        ? undefined
        : '(a secret)'
      : valueAt(input, issue.path)
  return invalid(path || '(all)', got, takes)
}

function valueAt(input: unknown, path: readonly PropertyKey[]): unknown {
  let value = input
  for (const key of path) value = (value as Record<PropertyKey, unknown> | undefined | null)?.[key]
  return value
}

function show(value: unknown): string {
  if (value === undefined) return 'nothing'
  let text: string | undefined
  try {
    text = typeof value === 'bigint' ? `${value}n` : (JSON.stringify(value) ?? String(value))
  } catch {
    text = String(value)
  }
  return text.length > 120 ? `${text.slice(0, 117)}...` : text
}

/** `undefined` in an options object means "not given", not "unset the default". */
function definedOnly<T extends object>(value: T): { [K in keyof T]: Exclude<T[K], undefined> } {
  return Object.fromEntries(Object.entries(value).filter(([, entry]) => entry !== undefined)) as {
    [K in keyof T]: Exclude<T[K], undefined>
  }
}
