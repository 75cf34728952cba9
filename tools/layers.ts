import { readdirSync, readFileSync } from 'node:fs'
import { join, relative, resolve, sep } from 'node:path'

/**
 * Who may import whom: folder of src/ → folders it may import besides itself and `lib` (ARCHITECTURE.md, "Layers").
 * `io` says whether the folder may touch the outside world (Node modules, clocks, randomness).
 */
export const layers: Readonly<Record<string, { imports: readonly string[]; io: boolean }>> = (() => {
  const pureStages = ['report', 'resources', 'discovery', 'dialects', 'mesh', 'backends'] as const
  const above = (name: (typeof pureStages)[number]): string[] =>
    pureStages.slice(0, pureStages.indexOf(name)) as string[]
  const product = [
    ...pureStages,
    'evaluator',
    'pipeline',
    'clusters',
    'management',
    'identity',
    'ads',
    'telemetry',
    'vm',
    'cert-agent',
    'gen',
  ]
  return {
    lib: { imports: [], io: false },
    report: { imports: [], io: false },
    resources: { imports: ['report'], io: false },
    discovery: { imports: above('discovery'), io: false },
    dialects: { imports: above('dialects'), io: false },
    mesh: { imports: above('mesh'), io: false },
    backends: { imports: [...above('backends'), 'gen'], io: false },
    evaluator: { imports: ['report', 'gen'], io: false },
    pipeline: { imports: [], io: false },
    clusters: { imports: ['resources', 'report', 'pipeline'], io: true },
    management: { imports: ['report', 'resources', 'clusters'], io: true },
    identity: { imports: ['report', 'gen'], io: true },
    ads: { imports: ['gen'], io: true },
    vm: { imports: ['resources', 'report', 'clusters'], io: true },
    'cert-agent': { imports: ['resources', 'report', 'clusters', 'identity'], io: true },
    telemetry: { imports: ['report', 'discovery', 'gen'], io: true },
    'control-plane': { imports: product, io: true },
    server: { imports: ['control-plane', 'evaluator', 'report', 'telemetry'], io: true },
    sandbox: { imports: [...product, 'control-plane'], io: true },
    cli: { imports: [...product, 'control-plane', 'server', 'sandbox'], io: true },
    'main.ts': { imports: [...product, 'control-plane', 'server', 'sandbox', 'cli'], io: true },
  }
})()

/**
 * Siblings that must not know each other, though they stand in one folder. What several dialects are made of stands in
 * their `shared` folder, which knows none of them.
 */
const separated = ['dialects', 'backends']
const common = 'shared'

const impure = [/^node:/, /^@grpc\//, /^@kubernetes\//, /^fastify/, /^pino/, /^ws$/]
const importPattern =
  /(?:^|\n)\s*(?:import|export)\b[^'"\n]*?(?:\{[^}]*\})?[^'"\n]*?from\s*['"]([^'"]+)['"]|import\(\s*['"]([^'"]+)['"]\s*\)|(?:^|\n)import\s+['"]([^'"]+)['"]/g

export function sourceFiles(dir: string): string[] {
  return readdirSync(dir, { withFileTypes: true }).flatMap((e) =>
    e.isDirectory() ? sourceFiles(join(dir, e.name)) : /\.tsx?$/.test(e.name) ? [join(dir, e.name)] : [],
  )
}

/** Breaches of the layer table among `files`, one sentence each. Tests may import what they like of the same folder down. */
export function breaches(src: string, files: readonly { path: string; text: string }[]): string[] {
  const found: string[] = []
  for (const { path, text } of files) {
    const own = relative(src, path).split(sep)
    const folder = own[0] ?? ''
    const layer = layers[folder]
    if (!layer) {
      found.push(`${relative(src, path)}: folder ${folder} is not in the layer table`)
      continue
    }
    if (/\.(test|scenario)\.ts$/.test(path)) continue
    for (const match of text.matchAll(importPattern)) {
      const target = match[1] ?? match[2] ?? match[3] ?? ''
      const say = (why: string): void => void found.push(`${relative(src, path)} imports ${target}: ${why}`)
      if (target.startsWith('#gen/')) {
        if (folder !== 'gen' && !layer.imports.includes('gen')) say(`${folder} must not know Envoy's types`)
      } else if (target.startsWith('.')) {
        const to = relative(src, resolve(path, '..', target)).split(sep)
        const other = to[0] ?? ''
        if (other === '..') say('outside src/')
        else if (other === folder) {
          const inside = separated.includes(folder) && own.length > 2 && to.length > 2
          if (inside && own[1] !== to[1] && to[1] !== common) say(`${own[1]} must not know its sibling ${to[1]}`)
        } else if (other !== 'lib' && !layer.imports.includes(other)) say(`${folder} must not import ${other}`)
        else if (to.length !== 2 || to[1] !== 'index.ts') {
          const door = separated.includes(other) && to.length === 3 && to[2] === 'index.ts'
          const ownFolder = to.length === 3 && to[2] === 'index.ts'
          // Commands are loaded one by one, when they are called.
          const command = folder === 'main.ts' && other === 'cli' && to.length === 2
          if (!door && !ownFolder && !command) say(`only the door (index.ts) of ${other} may be imported`)
        }
      } else if (!layer.io && impure.some((r) => r.test(target))) say(`${folder} is pure`)
    }
  }
  return found
}

export function readSources(src: string): { path: string; text: string }[] {
  return sourceFiles(src).map((path) => ({ path, text: readFileSync(path, 'utf8') }))
}
