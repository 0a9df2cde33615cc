// `npm ci`, which downloads. Of many downloads one may fail: it is tried twice more, after a pause.
import { execFileSync } from 'node:child_process';

export function npmCi(cwd, ...args) {
  for (const pauseS of [5, 30]) {
    try {
      return execFileSync('npm', ['ci', '--silent', ...args], { cwd, stdio: 'inherit' });
    } catch (error) {
      console.log(`-- ${error.message}; tried again in ${pauseS} s`);
      execFileSync('sleep', [String(pauseS)]);
    }
  }
  // The last time it says what is wrong.
  return execFileSync('npm', ['ci', ...args], { cwd, stdio: 'inherit' });
}
