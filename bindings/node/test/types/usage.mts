// The same through `import` in an ES module.
import { Engine } from 'pointmill';

new Engine({ intervalS: 10 }).count('c').record(1);
