import { arch, platform } from 'node:process'
import type { JsonObject } from './json.ts'

/** The Kubernetes version whose behaviour this server follows. */
export const kubernetesVersion = { major: '1', minor: '34', patch: '4' }

export function version(): JsonObject {
  const { major, minor, patch } = kubernetesVersion
  return {
    major,
    minor,
    emulationMajor: major,
    emulationMinor: minor,
    minCompatibilityMajor: major,
    minCompatibilityMinor: String(Number(minor) - 1),
    gitVersion: `v${major}.${minor}.${patch}+fairlead`,
    gitCommit: '',
    gitTreeState: 'clean',
    buildDate: '1970-01-01T00:00:00Z',
    goVersion: '',
    compiler: '',
    platform: `${platform}/${arch === 'x64' ? 'amd64' : arch}`,
  }
}
