import { InvalidArgumentError } from 'commander'

/** One option of a run, and the values that it is to have by turns. */
export interface Dimension {
  readonly name: string
  readonly values: readonly string[]
}

/** `groups=1,2,4`, once for each `--matrix`. */
export function addDimension(text: string, before: readonly Dimension[] = []): Dimension[] {
  const [, name, list] = /^([a-z-]+)=(.+)$/.exec(text) ?? []
  const values = list?.split(',') ?? []
  if (name === undefined || values.includes('')) {
    throw new InvalidArgumentError('It takes an option of a run and its values: groups=1,2,4.')
  }
  if (before.some((dimension) => dimension.name === name)) throw new InvalidArgumentError(`${name} is there already.`)
  return [...before, { name, values }]
}

/** Every combination as arguments, the last dimension changing fastest. Without any dimension there is one. */
export function combinations(dimensions: readonly Dimension[]): string[][] {
  return dimensions.reduce<string[][]>(
    (all, { name, values }) => all.flatMap((args) => values.map((value) => [...args, `--${name}`, value])),
    [[]],
  )
}
