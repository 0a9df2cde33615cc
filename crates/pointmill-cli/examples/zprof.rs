//! x
use std::io::Read; use std::time::Instant;
use pointmill_cli::report::format::InputFormat; use pointmill_cli::report::{Options,Session};
fn main(){
 let mut b=Vec::new(); flate2::read::MultiGzDecoder::new(std::fs::File::open("/work/main/testdata/flights-2001-01.csv.gz").unwrap()).read_to_end(&mut b).unwrap();
 let by = std::env::args().nth(1);
 let o=Options{input:Some(InputFormat::Csv),name:Some("f".into()),value:Some("delay_min".into()),time:Some("unix_s".into()),tags:vec!["origin".into(),"destination".into()],by:by.map(|b| vec![b]),percentiles:vec!["50".parse().unwrap()],..Options::default()};
 for _ in 0..8 { let t0=Instant::now(); let mut s=Session::new(&o,1_000_000_000).unwrap(); let t1=Instant::now(); s.read("m",&b[..]).unwrap(); let t2=Instant::now(); let r=s.finish(); let t3=Instant::now(); drop(r); let t4=Instant::now();
 eprintln!("new {:?} read {:?} finish {:?} drop {:?}",t1-t0,t2-t1,t3-t2,t4-t3);}
}
