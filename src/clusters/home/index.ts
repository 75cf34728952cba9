import { homedir } from 'node:os'
import { join } from 'node:path'

/** The folder of all that Fairlead keeps: `$FAIRLEAD_HOME`, else a folder in the user's data folder. */
export function homeDirectory(env: NodeJS.ProcessEnv = process.env): string {
  if (env['FAIRLEAD_HOME']) return env['FAIRLEAD_HOME']
  if (process.platform === 'darwin') return join(homedir(), 'Library', 'Application Support', 'fairlead')
  if (process.platform === 'win32') return join(env['LOCALAPPDATA'] ?? homedir(), 'fairlead')
  return join(env['XDG_DATA_HOME'] ?? join(homedir(), '.local', 'share'), 'fairlead')
}
