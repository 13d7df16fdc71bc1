import { readFileSync } from 'node:fs'
import { basename } from 'node:path'
import { columns, percent } from './columns.js'
import type { CpuProfile, ProfileNode } from './profiler.js'

/** What a thread was there for. */
export type ThreadKind = 'main threads' | 'group threads' | 'other threads'

const TOP = 15
/**
 * V8 counts the sleep of a group's thread as work of the function that sleeps, or of those that it has been inlined into:
 * these do nothing else that takes time.
 */
const ASLEEP = new Set([
  '(idle)',
  'park src/ring/doorbell.js',
  'runLoop src/worker/run-loop.js',
  'groupWorker workers/group-worker.js',
])
const GROUP_THREAD = /\/(?:workers\/group-worker|src\/worker\/run-loop)\.js$/
const PACKAGES = '/node_modules/'

/** By kind of thread, all files together: the functions in which most of the time went, callees left out. */
export function profileSummary(paths: readonly string[]): string {
  const kinds = new Map<ThreadKind, { threads: number; self: Map<string, number> }>()
  for (const path of paths) {
    const profile = JSON.parse(readFileSync(path, 'utf8')) as CpuProfile
    const kind = kindOf(basename(path), profile)
    const sum = kinds.get(kind) ?? { threads: 0, self: new Map<string, number>() }
    kinds.set(kind, sum)
    sum.threads++
    for (const [name, micros] of selfTimes(profile)) sum.self.set(name, (sum.self.get(name) ?? 0) + micros)
  }
  return [...kinds].map(([kind, { threads, self }]) => topTable(`${threads} ${kind}`, self)).join('\n')
}

/** Microseconds by function. */
export function selfTimes({ nodes, samples, timeDeltas }: CpuProfile): Map<string, number> {
  const callers = new Map(nodes.flatMap((node) => (node.children ?? []).map((child) => [child, node] as const)))
  const names = new Map(nodes.map((node) => [node.id, nameOf(node, callers.get(node.id))]))
  const times = new Map<string, number>()
  for (const [i, id] of samples.entries()) {
    const name = names.get(id) ?? '(unknown)'
    // The time up to the next sample was spent where this one was taken.
    times.set(name, (times.get(name) ?? 0) + Math.max(0, timeDeltas[i + 1] ?? 0))
  }
  return times
}

function kindOf(file: string, { nodes }: CpuProfile): ThreadKind {
  if (/-main\.cpuprofile$/.test(file)) return 'main threads'
  return nodes.some(({ callFrame }) => GROUP_THREAD.test(callFrame.url)) ? 'group threads' : 'other threads'
}

/** With its place. What has none is V8's own, or native code: then its caller tells more. */
function nameOf({ callFrame }: ProfileNode, caller: ProfileNode | undefined): string {
  const { functionName, url } = callFrame
  if (url !== '') return `${functionName || '(anonymous)'} ${placeOf(url)}`
  if (functionName.startsWith('(') || caller === undefined || caller.callFrame.url === '')
    return functionName || '(native)'
  return `${functionName || '(native)'} < ${nameOf(caller, undefined)}`
}

function placeOf(url: string): string {
  const at = url.lastIndexOf(PACKAGES)
  return at >= 0 ? url.slice(at + PACKAGES.length) : url.replace(/^.*\/dist\//, '')
}

function topTable(title: string, self: ReadonlyMap<string, number>): string {
  const busy = [...self].filter(([name]) => !ASLEEP.has(name)).sort(([, a], [, b]) => b - a)
  const sum = busy.reduce((total, [, micros]) => total + micros, 0)
  const all = [...self.values()].reduce((total, micros) => total + micros, 0)
  const rows = busy
    .slice(0, TOP)
    .map(([name, micros]) => [name, percent(micros / sum), `${Math.round(micros / 1000)} ms`])
  return columns([`${title}, awake ${percent(sum / all)} of the time`, 'of that', 'self'], rows)
}
