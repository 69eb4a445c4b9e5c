extension UnitGallery {
  /// The look of cards and of the dialog that they open.
  static let style = """
    body{max-width:124rem}.cards{display:flex;flex-wrap:wrap;gap:1rem}
    .controls{display:flex;flex-wrap:wrap;gap:.25rem 1.25rem;padding:.5rem 0}.controls label{margin:0}
    select,button{font:inherit;padding:.2rem .5rem;border:1px solid var(--line);border-radius:4px;background:var(--band);color:var(--ink)}
    .card{display:block;padding:.5rem;border:1px solid var(--line);border-radius:6px;background:var(--band);color:inherit;text-decoration:none;cursor:zoom-in;content-visibility:auto}
    .card[hidden]{display:none}.card:hover,.card:focus-visible{border-color:var(--link);outline:0}
    .card b{font-size:.95rem}.card small,figcaption{display:block;min-height:2.6em;font-size:.8rem;line-height:1.3;color:var(--soft)}
    .pair,.four{display:flex;max-width:100%;overflow-x:auto}
    .window{display:block;flex:none;overflow:hidden;position:relative;background:repeating-linear-gradient(135deg,var(--line) 0 1px,transparent 1px 6px)}
    .window img{display:block;max-width:none;border:0;border-radius:0;image-rendering:auto}.pixels img{image-rendering:pixelated}
    .none{display:block;color:var(--soft)}
    dialog{width:min(96vw,88rem);max-height:94vh;padding:1rem 1.25rem;border:1px solid var(--line);border-radius:8px;background:var(--page);color:var(--ink)}
    dialog::backdrop{background:#0009}dialog header{display:flex;flex-wrap:wrap;gap:.5rem 1rem;align-items:baseline}dialog h2{margin:0}
    .nine{display:flex;flex-wrap:wrap;gap:1rem 1.5rem;margin-top:.75rem}figure{margin:0;max-width:100%}.four{gap:6px}
    figcaption{min-height:0;overflow-wrap:anywhere;max-width:40rem}.whole{position:relative;display:block;flex:none}
    .whole img{display:block;max-width:none;border:0;border-radius:0}.whole i{position:absolute;border:2px solid #ff3d00;box-shadow:0 0 0 1px #fff;box-sizing:border-box}
    @media print{nav,.controls,dialog{display:none}.cards{min-height:0!important;zoom:.7}body{max-width:none;padding:0;font-size:10pt}.card{break-inside:avoid;content-visibility:visible;-webkit-print-color-adjust:exact;print-color-adjust:exact}}
    """

  /// Loads a layer's data when its section comes into view, makes its cards, and opens them.
  ///
  /// Files beside the page are loaded by elements alone, which works from a disk without a server.
  static let script = """
    (function(){
    'use strict';
    var places=Array.prototype.slice.call(document.querySelectorAll('.cards')),shown={order:'best',view:'field',query:''},open=null;
    places.forEach(function(p){p.layer=decodeURIComponent(p.dataset.layer)});
    function make(tag,name,text){var e=document.createElement(tag);if(name)e.className=name;if(text!==undefined)e.textContent=text;return e}
    function pixels(e,width,height){e.style.width=width+'px';e.style.height=height+'px';return e}
    function grid(d){return{w:d.side*(d.columns+d.gap)-d.gap,h:d.side*(d.rows+d.gap)-d.gap}}
    function inside(d,u,left,zoom,whole){return u.at.map(function(a,k){
    var b=whole?[0,0,d.rows,d.columns]:a.slice(7),x=(left+k%d.side*(d.columns+d.gap)+b[1])*zoom,y=(Math.floor(k/d.side)*(d.rows+d.gap)+b[0])*zoom;
    return 'M'+x+' '+y+'h'+(b[3]-b[1])*zoom+'v'+(b[2]-b[0])*zoom+'h'+(b[1]-b[3])*zoom+'z'}).join('')}
    function piece(d,u,s,left,top,width,height,zoom,text,lazy){
    var g=grid(d),from=s.grid*(g.w+d.gutter),e=pixels(make('span','window'),Math.round(width*zoom),Math.round(height*zoom)),i=make('img');
    if(lazy)i.loading='lazy';i.alt=text;
    pixels(i,(s.grids*g.w+(s.grids-1)*d.gutter)*zoom,g.h*zoom);i.style.marginLeft=-(from+left)*zoom+'px';i.style.marginTop=-top*zoom+'px';
    i.style.clipPath='path("'+inside(d,u,from,zoom,s.whole)+'")';
    i.src=u.file+s.end;e.appendChild(i);return e}
    var kinds={projections:{end:'.jpg',grids:1,grid:0},patches:{end:'.webp',grids:1,grid:0},
    fitted:{end:'-fitted.jpg',grids:1,grid:0,whole:true},views:{end:'-views.webp',grids:2,grid:0,whole:true},dimmed:{end:'-views.webp',grids:2,grid:1}};
    function sources(view){return view==='fitted'?[kinds.fitted,kinds.views]:[kinds.projections,view==='dimmed'?kinds.dimmed:kinds.patches]}
    function pair(d,u){var g=grid(d),e=make('span','pair'+(d.scale>1?' pixels':''));
    sources(shown.view).forEach(function(s,k){
    var p=piece(d,u,s,0,0,g.w,g.h,d.scale,k?'patches':'projections',true);
    if(k)p.style.marginLeft=d.gutter*d.scale+'px';e.appendChild(p)});return e}
    function name(d,u){return encodeURIComponent(d.layer)+'/'+u.n}
    function card(d,u){var e=make('a','card'),width=(2*grid(d).w+d.gutter)*d.scale;
    e.id=name(d,u);e.appendChild(make('b','','unit '+u.n));
    var text=make('small','',u.caption);text.style.maxWidth=width+'px';e.appendChild(text);
    if(u.file){e.href=u.file+'.webp';e.appendChild(pair(d,u))}else{e.appendChild(make('span','none','nothing to show'))}
    e.style.containIntrinsicSize=width+'px '+(grid(d).h*d.scale+64)+'px';
    e.addEventListener('click',function(event){if(event.ctrlKey||event.metaKey||event.shiftKey||!u.file)return;event.preventDefault();show(d,u)});
    return e}
    function text(d,u){return u.text||(u.text=(u.words+' '+u.at.map(function(a){return d.images[a[0]].path}).join(' ')).toLowerCase())}
    function fits(d,u){var q=shown.query.trim().toLowerCase();
    return !q||(/^[0-9]+$/.test(q)?String(u.n)===q:text(d,u).indexOf(q)>=0)}
    function sorted(d){var list=d.units.slice(),key=shown.order;
    if(key==='number')list.sort(function(a,b){return a.n-b.n});
    else if(key!=='best')list.sort(function(a,b){return b[key]-a[key]||a.n-b.n});
    return list}
    function arrange(d){var list=sorted(d).filter(function(u){return fits(d,u)}),all=document.createDocumentFragment();
    d.units.forEach(function(u){u.card.hidden=true});
    list.forEach(function(u){u.card.hidden=false;all.appendChild(u.card)});
    d.place.appendChild(all);d.list=list;d.place.dataset.count=list.length}
    window.switchbackLayer=function(d){
    d.place=places.filter(function(p){return p.layer===d.layer})[0];if(!d.place||d.place.data)return;
    d.place.data=d;d.units.forEach(function(u){u.card=card(d,u)});d.place.style.minHeight='';arrange(d);
    (d.place.waiting||[]).forEach(function(f){f(d)})};
    function load(place,then){if(place.data){if(then)then(place.data);return}
    if(then)(place.waiting=place.waiting||[]).push(then);if(place.asked)return;place.asked=true;
    var s=make('script');s.src=place.dataset.script;document.head.appendChild(s)}
    function everywhere(f){places.forEach(function(p){load(p,f)})}
    var dialog=make('dialog'),fit=false;document.body.appendChild(dialog);
    dialog.addEventListener('close',function(){open=null;history.replaceState(null,'',location.pathname+location.search)});
    dialog.addEventListener('click',function(event){if(event.target===dialog)dialog.close()});
    function button(text,act){var b=make('button','',text);b.type='button';b.addEventListener('click',act);return b}
    function step(by){var list=open.d.list.filter(function(u){return u.file}),k=list.indexOf(open.u)+by;if(list[k])show(open.d,list[k])}
    function entry(d,u,k){var a=u.at[k],image=d.images[a[0]],side=Math.max(d.rows,d.columns),
    zoom=side<=16?Math.floor(144/side):144/side,f=make('figure'),four=make('div','four'+(side<=16?' pixels':''));
    function tile(source,label){
    var e=piece(d,u,source,k%d.side*(d.columns+d.gap),Math.floor(k/d.side)*(d.rows+d.gap),d.columns,d.rows,zoom,label);e.title=label;four.appendChild(e)}
    var s=sources(fit?'fitted':'field');tile(s[0],'projection');tile(s[1],'patch');tile(kinds.dimmed,'the patch, dark where the projection is nearly zero');
    var high=144,wide=high*image.columns/image.rows;if(wide>220){wide=220;high=wide*image.rows/image.columns}
    var whole=pixels(make('span','whole'),wide,high),i=pixels(make('img'),wide,high),box=make('i');
    i.alt='the whole image, with the receptive field';i.src=image.file;whole.title=i.alt;
    box.style.top=100*a[3]/image.rows+'%';box.style.left=100*a[4]/image.columns+'%';
    box.style.height=100*(a[5]-a[3])/image.rows+'%';box.style.width=100*(a[6]-a[4])/image.columns+'%';
    whole.appendChild(i);whole.appendChild(box);four.appendChild(whole);f.appendChild(four);
    f.appendChild(make('figcaption','',(k+1)+'. '+u.values[k]+' at row '+a[1]+', column '+a[2]+' · '+image.path+
    ' · rows '+a[3]+' to '+a[5]+', columns '+a[4]+' to '+a[6]));return f}
    function show(d,u){open={d:d,u:u};dialog.textContent='';
    var head=make('header'),box=make('input'),label=make('label','','fitted to the projection ');
    head.appendChild(make('h2','',d.layer+' · unit '+u.n));
    head.appendChild(button('\u{2190}',function(){step(-1)}));head.appendChild(button('\u{2192}',function(){step(1)}));
    box.type='checkbox';box.checked=fit;box.addEventListener('change',function(){fit=box.checked;show(d,u)});
    label.insertBefore(box,label.firstChild);head.appendChild(label);head.appendChild(button('close',function(){dialog.close()}));
    dialog.appendChild(head);dialog.appendChild(make('p','',u.caption));
    var nine=make('div','nine');u.at.forEach(function(a,k){nine.appendChild(entry(d,u,k))});dialog.appendChild(nine);
    dialog.setAttribute('aria-label',d.layer+', unit '+u.n);history.replaceState(null,'','#'+name(d,u));if(!dialog.open)dialog.showModal()}
    document.addEventListener('keydown',function(event){if(!open||event.altKey||event.ctrlKey||event.metaKey)return;
    if(event.key==='ArrowRight'){event.preventDefault();step(1)}else if(event.key==='ArrowLeft'){event.preventDefault();step(-1)}});
    function follow(){var hash=location.hash.slice(1),cut=hash.lastIndexOf('/');if(cut<0)return;
    var layer;try{layer=decodeURIComponent(hash.slice(0,cut))}catch(e){return}
    places.forEach(function(p){if(p.layer===layer)load(p,function(d){
    d.units.forEach(function(u){if(String(u.n)===hash.slice(cut+1)){u.card.scrollIntoView();if(u.file)show(d,u)}})})})}
    function choice(text,options,act){var l=make('label','',text+' '),s=make('select');
    options.forEach(function(o){var e=make('option','',o[1]);e.value=o[0];s.appendChild(e)});
    s.addEventListener('change',function(){act(s.value)});l.appendChild(s);return l}
    var controls=make('div','controls'),find=make('label','','Find '),input=make('input');
    input.type='search';input.placeholder='unit, class or image';find.appendChild(input);controls.appendChild(find);
    input.addEventListener('input',function(){shown.query=input.value;everywhere(arrange)});
    controls.appendChild(choice('Sort by',[['best','best first'],['number','number'],['max','largest activation'],['active','share of images'],['selectivity','selectivity']],
    function(v){shown.order=v;everywhere(arrange)}));
    controls.appendChild(choice('Show',[['field','receptive fields'],['fitted','fitted to the projection'],['dimmed','dark where the unit does not look']],
    function(v){shown.view=v;places.forEach(function(p){if(p.data)p.data.units.forEach(function(u){
    if(u.file)u.card.replaceChild(pair(p.data,u),u.card.lastChild)})})}));
    document.querySelector('nav').after(controls);
    places.forEach(function(p){var across=Math.max(1,Math.floor((p.clientWidth+16)/(+p.dataset.width+34)));
    p.style.minHeight=Math.ceil(p.dataset.units/across)*(+p.dataset.height+90)+'px'});
    if('IntersectionObserver' in window){var seen=new IntersectionObserver(function(list){list.forEach(function(e){
    if(e.isIntersecting){seen.unobserve(e.target);load(e.target)}})},{rootMargin:'600px'});places.forEach(function(p){seen.observe(p)})}
    else everywhere();
    window.addEventListener('beforeprint',function(){document.querySelectorAll('.card img').forEach(function(i){i.loading='eager'})});
    window.addEventListener('hashchange',follow);follow();
    })();
    """
}
