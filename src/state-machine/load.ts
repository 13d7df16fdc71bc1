import type { AnyStateMachine } from './contract.js'
import { describeThrown } from './execute-failure.js'
import { FIRST_BUILT_IN_ID } from './machine-common.js'

/** What was given is no state machine. Raised at the start, before anything votes. Test for it by `code`. */
class StateMachineInvalid extends Error {
  readonly code = 'STATE_MACHINE_INVALID'
  readonly url: string

  constructor(url: string, why: string) {
    super(`state machine ${url}: ${why}`)
    this.name = 'StateMachineInvalid'
    this.url = url
  }
}

/**
 * Imports the modules and checks what they export. Asynchronous, hence to be called before a worker's loop begins: no
 * promise resolves in it.
 */
export async function loadStateMachines(urls: readonly string[]): Promise<AnyStateMachine[]> {
  const machines: AnyStateMachine[] = []
  const urlOf = new Map<number, string>()
  for (const url of urls) {
    const machine = await loadOne(url)
    const other = urlOf.get(machine.id)
    if (other !== undefined) throw new StateMachineInvalid(url, `its id ${machine.id} is taken by ${other}`)
    urlOf.set(machine.id, url)
    machines.push(machine)
  }
  return machines
}

async function loadOne(url: string): Promise<AnyStateMachine> {
  let module: { readonly default?: unknown }
  try {
    module = await import(url)
  } catch (error) {
    throw new StateMachineInvalid(url, `the module cannot be loaded: ${describeThrown(error)}`)
  }
  const exported = module.default
  if (typeof exported !== 'object' || exported === null) {
    throw new StateMachineInvalid(url, 'the module has no default export made by defineStateMachine')
  }
  const fault = faultOf(exported as Readonly<Record<string, unknown>>)
  if (fault !== undefined) throw new StateMachineInvalid(url, fault)
  return exported as AnyStateMachine
}

interface Functions {
  readonly needed: readonly string[]
  readonly optional: readonly string[]
}

const functionsOf: { readonly [Kind in 'memory' | 'stored' | 'external']: Functions } = {
  memory: { needed: ['create', 'execute'], optional: ['query', 'snapshot', 'restore'] },
  stored: { needed: ['execute'], optional: ['query'] },
  external: { needed: ['open', 'position', 'execute', 'save', 'restore'], optional: ['query', 'sync', 'close'] },
}

/** What is wrong with a machine, as a sentence; undefined: nothing that can be seen from outside. */
function faultOf(machine: Readonly<Record<string, unknown>>): string | undefined {
  const { id, codec, kind = 'memory' } = machine
  if (!(Number.isInteger(id) && (id as number) >= 1 && (id as number) <= 0xffff)) {
    return `its id must be a whole number from 1 to ${FIRST_BUILT_IN_ID - 1}, got ${String(id)}`
  }
  if ((id as number) >= FIRST_BUILT_IN_ID) {
    return `its id ${String(id)} is reserved for built-in machines: take one from 1 to ${FIRST_BUILT_IN_ID - 1}`
  }
  if (kind !== 'memory' && kind !== 'stored' && kind !== 'external') {
    return `its kind must be 'memory', 'stored' or 'external', got ${String(kind)}`
  }
  const fault = functionFault(machine, functionsOf[kind])
  if (fault !== undefined) return fault
  if (codec !== undefined && codec !== 'cbor' && codec !== 'bytes' && !isCodec(codec)) {
    return "its codec must be 'cbor', 'bytes', or an object with the functions encode and decode"
  }
  return kind === 'stored' ? storedFault(machine) : undefined
}

function functionFault(
  machine: Readonly<Record<string, unknown>>,
  { needed, optional }: Functions,
): string | undefined {
  for (const name of needed) {
    if (typeof machine[name] !== 'function') return `it has no function ${name}`
  }
  for (const name of optional) {
    if (machine[name] !== undefined && typeof machine[name] !== 'function') return `its ${name} is not a function`
  }
  for (const name of [...needed, ...optional]) {
    // By name: another realm has another AsyncFunction.
    const made = (machine[name] as { constructor?: { name?: string } } | undefined)?.constructor?.name
    if (made === 'AsyncFunction' || made === 'AsyncGeneratorFunction') {
      return `its ${name} is asynchronous, but no promise ever resolves in a group's thread`
    }
  }
  return undefined
}

function storedFault({
  keys = 'text',
  values = 'cbor',
  create,
}: Readonly<Record<string, unknown>>): string | undefined {
  if (keys !== 'text' && keys !== 'bytes' && keys !== 'ordered') {
    return `its keys must be 'text', 'bytes' or 'ordered', got ${String(keys)}`
  }
  if (values !== 'cbor' && values !== 'bytes') return `its values must be 'cbor' or 'bytes', got ${String(values)}`
  // Written for another kind, it would find none of what it made.
  if (create !== undefined) return 'it is a stored machine, whose state begins empty: it has no create'
  return undefined
}

function isCodec(codec: unknown): boolean {
  const { encode, decode } = (codec ?? {}) as { encode?: unknown; decode?: unknown }
  return typeof encode === 'function' && typeof decode === 'function'
}
