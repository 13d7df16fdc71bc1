import { Queue } from '../../src/base/queue.js'
import { Random } from '../../src/base/random.js'
import { Membership } from '../../src/core/membership.js'

/**
 * Copies and compares whole object graphs, private state included, so that the explorer needs nothing from the core
 * but its plain fields. What the core never changes is shared: values, configuration, memberships.
 */

type Key = string | number

function isShared(value: object): boolean {
  return value instanceof Uint8Array || value instanceof Membership || Object.hasOwn(value, 'proposeOn')
}

export function deepCopy<T>(root: T): T {
  return copy(root, new Map()) as T
}

function copy(value: unknown, done: Map<object, object>): unknown {
  if (typeof value === 'function') throw new Error('a function inside a group cannot be copied')
  if (typeof value !== 'object' || value === null || isShared(value)) return value
  const known = done.get(value)
  if (known) return known
  if (Array.isArray(value)) {
    const array: unknown[] = new Array(value.length)
    done.set(value, array)
    for (let i = 0; i < value.length; i++) array[i] = copy(value[i], done)
    return array
  }
  if (value instanceof Map) {
    const map = new Map<unknown, unknown>()
    done.set(value, map)
    for (const [key, item] of value) map.set(copy(key, done), copy(item, done))
    return map
  }
  if (value instanceof Set) {
    const set = new Set<unknown>()
    done.set(value, set)
    for (const item of value) set.add(copy(item, done))
    return set
  }
  const object = Object.create(Object.getPrototypeOf(value)) as Record<string, unknown>
  done.set(value, object)
  for (const key of Object.keys(value)) object[key] = copy((value as Record<string, unknown>)[key], done)
  return object
}

const valueIds = new Map<string, number>()
const knownValues = new WeakMap<Uint8Array, number>()

/** Equal bytes have equal numbers. */
export function bytesId(value: Uint8Array): number {
  let id = knownValues.get(value)
  if (id !== undefined) return id
  const text = Buffer.from(value).toString('latin1')
  id = valueIds.get(text)
  if (id === undefined) {
    id = valueIds.size + 1
    valueIds.set(text, id)
  }
  knownValues.set(value, id)
  return id
}

/** Words that are equal exactly if two graphs would behave alike, whatever order things arrived in. */
export function canonical(root: unknown): string {
  return write(root, new Map())
}

function write(value: unknown, seen: Map<object, number>): string {
  if (typeof value === 'string') return `"${value}"`
  if (typeof value !== 'object' || value === null) return String(value)
  if (value instanceof Uint8Array) return `#${bytesId(value)}`
  if (Array.isArray(value)) return `[${value.map((item) => write(item, seen)).join()}]`
  if (value instanceof Map) return writeMap(value as Map<Key, unknown>, seen)
  if (value instanceof Set)
    return `{${[...value]
      .map((item) => write(item, seen))
      .sort()
      .join()}}`
  // Jitter is no behaviour: the explorer fires timers whenever it likes.
  if (value instanceof Random || isShared(value)) return '.'
  if (Object.getPrototypeOf(value) === Object.prototype) return writeFields(value, seen, true)
  const index = seen.get(value)
  if (index !== undefined) return `@${index}`
  seen.set(value, seen.size)
  if (value instanceof Queue) return writeQueue(value, seen)
  return writeFields(value, seen, false)
}

function writeQueue(queue: Queue<unknown>, seen: Map<object, number>): string {
  let text = '<'
  for (let i = 0; i < queue.length; i++) text += `${write(queue.at(i), seen)};`
  return `${text}>`
}

/** Maps by node or instance are tables, whose order means nothing; the others are kept in theirs. */
function writeMap(map: Map<Key, unknown>, seen: Map<object, number>): string {
  const entries = [...map]
  if (typeof entries[0]?.[0] === 'number') entries.sort((a, b) => (a[0] as number) - (b[0] as number))
  return `{${entries.map(([key, item]) => `${key}:${write(item, seen)}`).join()}}`
}

function writeFields(object: object, seen: Map<object, number>, named: boolean): string {
  let text = '('
  for (const key of Object.keys(object)) {
    const field = write((object as Record<string, unknown>)[key], seen)
    text += named ? `${key}=${field} ` : `${field} `
  }
  return `${text})`
}
